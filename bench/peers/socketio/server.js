// Socket.IO on Node, with the events that the bench uses: joining, typing, and a burst to everybody. No database, no rights.
const http = require('http');
const { Server } = require('socket.io');

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    if (request.method === 'POST') {
      const { count } = JSON.parse(body);
      for (let offset = 1; offset <= count; offset += 1) {
        io.emit('record:changed', { object: 'contact', id: '01a201cc-c893-70cc-bef0-35bb8ba1d8e5', what: 'created', version: 1, offset });
      }
    }
    response.end('{}');
  });
});
const io = new Server(server);
io.use((socket, next) => (socket.handshake.auth && socket.handshake.auth.token ? next() : next(new Error('unauthorized'))));
io.on('connection', (socket) => {
  socket.on('join_conversation', ({ conversationId }, ack) => {
    socket.join(conversationId);
    ack({ conversationId });
  });
  socket.on('typing_start', ({ conversationId }) => {
    socket.to(conversationId).emit('user_typing', {
      userId: '01a201cc-c893-70cc-bef0-35bb8ba1d8e5', memberId: '01a201cc-c893-70cc-bef0-35bb8ba1d8e6', conversationId, isTyping: true,
    });
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
