// node --require: whoever would listen on all interfaces listens on 127.0.0.1.
const net = require("net");
const { listen } = net.Server.prototype;

net.Server.prototype.listen = function (first, ...rest) {
  if (first && typeof first === "object" && "port" in first && !first.host) {
    first.host = "127.0.0.1";
  } else if (/^\d+$/.test(String(first)) && typeof rest[0] !== "string") {
    rest.unshift("127.0.0.1");
  }
  return listen.call(this, first, ...rest);
};
