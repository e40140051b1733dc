// ESMEs with npm's `larvitsmpp`, driven by JSON lines as npm_smpp.js is: it binds, splits and reads receipts by itself.
'use strict';

const larvitsmpp = require('larvitsmpp');

const silent = { silly() {}, debug() {}, verbose() {}, info() {}, warn() {}, error() {} };
const sessions = {};
const tell = (on, told, more) => process.stdout.write(`${JSON.stringify({ on, told, ...more })}\n`);

function connect(on, port, username, password) {
  larvitsmpp.client({ host: '127.0.0.1', port, username, password, log: silent }, (err, session) => {
    if (err) return tell(on, 'refused', { why: err.message });
    sessions[on] = session;
    session.on('dlr', (dlr) => tell(on, 'receipt', dlr));
    session.on('close', () => tell(on, 'closed', {}));
    tell(on, 'bound', {});
  });
}

const rows = require('readline').createInterface({ input: process.stdin });
rows.on('line', (line) => {
  const { on, ...command } = JSON.parse(line);
  if (command.do === 'bind') connect(on, command.port, command.username, command.password);
  if (command.do === 'send') {
    const sms = { from: '12345', to: command.to, message: command.text, dlr: true };
    sessions[on].sendSms(sms, (err, ids) => tell(on, 'sent', { why: err ? err.message : '', ids }));
  }
  if (command.do === 'close' && sessions[on]) sessions[on].unbind();
});
