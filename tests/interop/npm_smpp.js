// ESMEs with npm's `smpp`, driven by JSON lines on standard input; what happens is told as JSON lines on standard output.
// Every line says which of the ESMEs it is about: "on".
//
//   {"do": "connect", "on": 1, "port": 2775, "tls": {...}}             {"told": "connected", "on": 1}
//   {"do": "request", "on": 1, "id": 7, "command": "submit_sm", "fields": {...}}
//                                                                      {"told": "response", "on": 1, "id": 7, "pdu": {...}}
//   {"do": "write", "on": 1, "octets": "hex"}                          (raw; what comes back is told as "pdu")
//   {"do": "answering", "on": 1, "yes": false}                         (leaves the peer's requests unanswered)
//   {"do": "answering", "on": 1, "yes": [100]}                         (answers the next one with this command_status)
//   {"do": "respond", "on": 1, "command": "deliver_sm_resp", "sequence_number": 3}
//   {"do": "close", "on": 1}                                           {"told": "closed", "on": 1}
//   a PDU that the peer sends by itself                                {"told": "pdu", "on": 1, "pdu": {...}}
//
// Octet strings cross as {"hex": "…"}.
'use strict';

const readline = require('readline');
const smpp = require('smpp');

const sessions = {};

function tell(what) {
  process.stdout.write(JSON.stringify(what) + '\n');
}

function outward(value) {
  if (Buffer.isBuffer(value)) return { hex: value.toString('hex') };
  if (value instanceof Date) return { time: isNaN(value) ? null : value.getTime() / 1000 };
  if (Array.isArray(value)) return value.map(outward);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, outward(one)]));
  }
  return value;
}

function inward(value) {
  if (Array.isArray(value)) return value.map(inward);
  if (value && typeof value === 'object') {
    if ('hex' in value) return Buffer.from(value.hex, 'hex');
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inward(one)]));
  }
  return value;
}

function connect({ on, port, tls }) {
  const session = new smpp.Session({ host: '127.0.0.1', port, tls: Boolean(tls), ...inward(tls || {}) });
  sessions[on] = session;
  session.answering = true;
  session.on(tls ? 'secureConnect' : 'connect', () => tell({ told: 'connected', on }));
  session.on('close', () => tell({ told: 'closed', on }));
  session.on('error', (error) => tell({ told: 'error', on, why: String(error) }));
  session.on('pdu', (pdu) => {
    if (pdu.isResponse() && session._callbacks[pdu.sequence_number]) return;
    tell({ told: 'pdu', on, pdu: outward({ ...pdu }) });
    if (pdu.isResponse() || !session.answering) return;
    const status = Array.isArray(session.answering) ? session.answering.shift() || 0 : 0;
    session.send(pdu.response({ command_status: status }));
    if (pdu.command === 'unbind') session.close();
  });
}

const actions = {
  connect,
  request({ on, id, command, fields }) {
    const pdu = new smpp.PDU(command, inward(fields || {}));
    sessions[on].send(pdu, (response) => tell({ told: 'response', on, id, pdu: outward({ ...response }) }));
  },
  write({ on, octets }) {
    sessions[on].socket.write(Buffer.from(octets, 'hex'));
  },
  answering({ on, yes }) {
    sessions[on].answering = yes;
  },
  respond({ on, command, sequence_number }) {
    sessions[on].send(new smpp.PDU(command, { sequence_number }));
  },
  close({ on }) {
    sessions[on].close();
  },
};

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    try {
      actions[command.do](command);
    } catch (error) {
      tell({ told: 'error', on: command.on, why: error.stack });
    }
  })
  .on('close', () => process.exit(0));
