// The official client of Socket.IO, told what to do by lines of JSON; each is answered by one line.
const { io } = require('socket.io-client');
const sockets = new Map();
const later = (ms) => new Promise((done) => setTimeout(done, ms));

function connect({ name, url, auth, transports, headers, keep }) {
  const held = keep ? sockets.get(name) : undefined;
  const events = held ? held.events : [];
  const socket = io(url, { auth, transports, extraHeaders: headers, forceNew: true, reconnection: false });
  const one = { socket, events, gone: null };
  sockets.set(name, one);
  socket.onAny((event, payload) => events.push([event, payload]));
  socket.on('disconnect', (reason) => { one.gone = reason; });
  return new Promise((done) => {
    socket.on('connect', () => done({ ok: true }));
    socket.on('connect_error', (error) => { socket.close(); done({ error: error.message }); });
  });
}

async function until(holds, ms) {
  const end = Date.now() + (ms || 20000);
  while (!holds()) {
    if (Date.now() > end) return false;
    await later(5);
  }
  return true;
}

const doing = {
  connect,
  async say({ name, event, data }) {
    const { socket } = sockets.get(name);
    try {
      const answer = await socket.timeout(10000).emitWithAck(event, data);
      return { answer };
    } catch (error) {
      return { lost: error.message };
    }
  },
  // Many at once, without waiting for one before the next.
  async shout({ name, event, data, times }) {
    const { socket } = sockets.get(name);
    const answers = [];
    for (let at = 0; at < times; at += 1) socket.emit(event, data, (answer) => answers.push(answer));
    await until(() => answers.length === times || !socket.connected, 10000);
    return { answers: answers.length, refused: answers.filter((one) => one.error).length, connected: socket.connected };
  },
  async hears({ name, event, count, ms }) {
    const { events } = sockets.get(name);
    const of = () => events.filter(([known]) => known === event).map(([, payload]) => payload);
    await until(() => of().length >= (count || 1), ms);
    return { heard: of() };
  },
  async goes({ name }) {
    const one = sockets.get(name);
    await until(() => one.gone !== null);
    return { gone: one.gone };
  },
  async upgraded({ name }) {
    const { socket } = sockets.get(name);
    await until(() => socket.io.engine.transport.name === 'websocket', 5000);
    return { transport: socket.io.engine.transport.name };
  },
  async transport({ name }) {
    return { transport: sockets.get(name).socket.io.engine.transport.name };
  },
  async all({ name }) {
    return { all: sockets.get(name).events };
  },
  // Comes and goes while things happen, each time with the last offset that it saw; ends when it has `count` of them.
  async restless({ url, token, times, count }) {
    const offsets = [];
    const wrong = [];
    let last = 0;
    let left = times;
    while (offsets.length < count || left > 0) {
      const socket = io(url, {
        auth: { token, offset: last }, transports: left % 2 ? ['websocket'] : ['polling', 'websocket'], forceNew: true, reconnection: false,
      });
      const before = offsets.length;
      let isRefused = false;
      for (const event of ['connect_error', 'error', 'resync']) {
        socket.on(event, (told) => {
          wrong.push(`${event}: ${(told && told.message) || JSON.stringify(told)}`);
          isRefused = event === 'connect_error';
        });
      }
      socket.on('disconnect', (why) => {
        if (why !== 'io client disconnect') wrong.push(`disconnect: ${why}`);
      });
      socket.on('record:changed', ({ offset, object }) => {
        last = offset;
        if (object === 'contact') offsets.push(offset);
      });
      const share = Math.floor(count / (times + 1));
      const isEnough = () => offsets.length >= count || (left > 0 && offsets.length >= before + share);
      const more = await until(() => isRefused || isEnough(), 60000);
      socket.disconnect();
      if (!more || wrong.length > times) break;
      if (isEnough()) left -= 1;
    }
    return { offsets, left, wrong };
  },
  async leave({ name }) {
    sockets.get(name).socket.disconnect();
    return {};
  },
};

require('readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const asked = JSON.parse(line);
  let told;
  try {
    told = await doing[asked.do](asked);
  } catch (error) {
    told = { failed: String(error && error.stack) };
  }
  process.stdout.write(`${JSON.stringify(told)}\n`);
}).on('close', () => process.exit(0));
