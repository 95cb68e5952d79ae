// Web chat: <script src="https://…/chat/widget.js" data-channel="ID" async></script>
(() => {
  const script = document.currentScript;
  const channel = script.dataset.channel;
  if (!channel) return;
  const base = `${new URL(script.src).origin}/api/chat/${encodeURIComponent(channel)}`;
  const kept = `kith-chat-${channel}`;
  const storage = (() => { try { return window.localStorage; } catch { return null; } })();
  let token = storage && storage.getItem(kept);
  let after = 0;
  let isOpen = false;
  let listening = false;
  let unread = 0;
  let isWaiting = false;
  const pending = new Map();

  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'closed' });
  root.innerHTML = `<style>
:host{all:initial}
*{box-sizing:border-box;font:15px/1.4 system-ui,sans-serif}
[hidden]{display:none!important}
#open{position:fixed;right:20px;bottom:20px;width:56px;height:56px;border:0;border-radius:50%;background:var(--c);color:#fff;font-size:26px;cursor:pointer;box-shadow:0 2px 12px #0004;z-index:2147483000}
#open i{position:absolute;top:-4px;right:-4px;min-width:20px;padding:1px 5px;border-radius:10px;background:#d22;font:bold 12px/18px system-ui}
#panel{position:fixed;right:20px;bottom:88px;width:min(370px,calc(100vw - 40px));height:min(560px,calc(100vh - 120px));display:flex;flex-direction:column;background:#fff;color:#222;border-radius:12px;overflow:hidden;box-shadow:0 4px 24px #0005;z-index:2147483000}
header{padding:14px 16px;background:var(--c);color:#fff;font-weight:600}
#said{flex:1;overflow-y:auto;padding:12px;display:flex;flex-direction:column;gap:8px}
.m{max-width:85%;padding:8px 12px;border-radius:12px;background:#eee;align-self:flex-start;white-space:pre-wrap;overflow-wrap:anywhere}
.m.mine{background:var(--c);color:#fff;align-self:flex-end}
.m.pending{opacity:.6}.m.failed{outline:2px solid #d22}
.m small{display:block;margin-top:4px;font-size:12px;opacity:.7}
#dots{padding:0 16px 6px;color:#777}
form{display:flex;border-top:1px solid #ddd}
textarea{flex:1;border:0;padding:12px;resize:none;height:48px;outline:0}
form button{border:0;background:none;color:var(--c);font-weight:600;padding:0 16px;cursor:pointer}
</style><button id="open" aria-label="Chat">💬<i hidden></i></button>
<section id="panel" role="dialog" aria-label="Chat" hidden><header></header><div id="said" role="log" aria-live="polite"></div><div id="dots" hidden>…</div>
<form><textarea maxlength="8000" aria-label="Message" required></textarea><button>Send</button></form></section>`;
  const find = (selector) => root.querySelector(selector);
  const [open, panel, said, dots, form, input, badge] =
    ['#open', '#panel', '#said', '#dots', 'form', 'textarea', '#open i'].map(find);

  const ask = (path, options = {}) => fetch(base + path, {
    ...options,
    credentials: 'omit',
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(options.body && { 'content-type': 'application/json' }) },
  });
  const later = (ms) => new Promise((done) => { setTimeout(done, ms); });

  async function become() {
    if (token) return;
    const answer = await ask('/visitors', { method: 'POST' });
    if (!answer.ok) throw new Error(`chat: ${answer.status}`);
    ({ token } = await answer.json());
    if (storage) storage.setItem(kept, token);
  }

  function bubble(text, kind) {
    const one = document.createElement('div');
    one.className = `m ${kind}`;
    one.textContent = text;
    said.append(one);
    said.scrollTop = said.scrollHeight;
    return one;
  }

  function show({ sequence, sender, content, clientId, sources, type }) {
    if (sequence <= after) return;
    after = sequence;
    const isMine = sender === 'CUSTOMER';
    const waiting = pending.get(clientId);
    if (waiting) {
      pending.delete(clientId);
      waiting.classList.remove('pending', 'failed');
      said.append(waiting);
    } else {
      const one = bubble(content || `[${type.toLowerCase()}]`, isMine ? 'mine' : '');
      const unsaid = [...new Set(sources)].filter((source) => !content.includes(source));
      if (unsaid.length) one.append(Object.assign(document.createElement('small'), { textContent: `Source: ${unsaid.join(', ')}` }));
    }
    isWaiting = isMine;
    if (isMine) return;
    if (isOpen) ask('/read', { method: 'POST' }).catch(() => {});
    else { unread += 1; badge.textContent = unread; badge.hidden = false; }
  }

  function take(text) {
    const name = /^event: (.*)$/m.exec(text);
    const data = /^data: (.*)$/m.exec(text);
    if (!name || !data) return;
    const told = JSON.parse(data[1]);
    if (name[1] === 'message') show(told);
    else listen.speaker = told.speaker;
    dots.hidden = !(isWaiting && listen.speaker === 'AGENT');
  }

  async function listen() {
    if (listening) return;
    listening = true;
    for (let pause = 500; ; pause = Math.min(pause * 2, 30000)) {
      try {
        const answer = await ask(`/stream?after=${after}`);
        if (answer.status === 401) { token = null; after = 0; await become(); continue; }
        if (answer.status === 403 || answer.status === 404) return;
        if (answer.ok) {
          pause = 500;
          const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
          for (let text = ''; ;) {
            const { done, value } = await reader.read();
            if (done) break;
            const events = (text + value).split('\n\n');
            text = events.pop();
            events.forEach(take);
          }
        }
      } catch { /* The network is away; it is tried again. */ }
      await later(pause);
    }
  }

  async function send(content, one, clientId) {
    const { name, email } = script.dataset;
    const body = JSON.stringify({ content, clientId, name, email, page: location.href.slice(0, 300) });
    for (let pause = 1000; pause < 40000; pause *= 2) {
      try {
        await become();
        listen();
        const answer = await ask('/messages', { method: 'POST', body });
        if (answer.ok) return;
        if (answer.status === 401) token = null;
        else if (answer.status < 500 && answer.status !== 429) break;
      } catch { /* The same. */ }
      await later(pause);
    }
    one.classList.add('failed');
  }

  open.addEventListener('click', () => {
    isOpen = !isOpen;
    panel.hidden = !isOpen;
    if (!isOpen) return;
    if (unread) ask('/read', { method: 'POST' }).catch(() => {});
    unread = 0;
    badge.hidden = true;
    said.scrollTop = said.scrollHeight;
    input.focus();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const content = input.value.trim();
    if (!content) return;
    input.value = '';
    const clientId = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`;
    const one = bubble(content, 'mine pending');
    pending.set(clientId, one);
    send(content, one, clientId);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });

  ask('').then(async (answer) => {
    if (!answer.ok) { console.warn(`chat: ${(await answer.json()).detail}`); return; }
    const { title, greeting, color } = await answer.json();
    host.style.setProperty('--c', /^#[0-9a-f]{3,8}$/i.test(color) ? color : '#2456c8');
    find('header').textContent = title || 'Chat';
    if (greeting) bubble(greeting, '');
    document.body.append(host);
    if (token) listen();
  }).catch(() => {});
})();
