// An ESME with npm's `smpp`, driven by JSON lines on standard input; what happens is told as JSON lines on standard output.
//
//   {"do": "connect", "port": 2775, "tls": {...}}           {"told": "connected"}
//   {"do": "request", "id": 7, "command": "submit_sm", "fields": {...}}   {"told": "response", "id": 7, "pdu": {...}}
//   {"do": "write", "octets": "hex"}                         (raw; what comes back is told as "pdu")
//   {"do": "close"}                                          {"told": "closed"}
//   a PDU that the peer sends by itself                      {"told": "pdu", "pdu": {...}}, answered as a library user would
//
// Octet strings cross as {"hex": "…"}.
'use strict';

const readline = require('readline');
const smpp = require('smpp');

let session = null;
let answering = true;

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

function connect({ port, tls }) {
  const options = { host: '127.0.0.1', port, tls: Boolean(tls), ...inward(tls || {}) };
  session = new smpp.Session(options);
  session.on(tls ? 'secureConnect' : 'connect', () => tell({ told: 'connected' }));
  session.on('close', () => tell({ told: 'closed' }));
  session.on('error', (error) => tell({ told: 'error', why: String(error) }));
  session.on('pdu', (pdu) => {
    if (pdu.isResponse() && session._callbacks[pdu.sequence_number]) return;
    tell({ told: 'pdu', pdu: outward({ ...pdu }) });
    if (pdu.isResponse() || !answering) return;
    session.send(pdu.response());
    if (pdu.command === 'unbind') session.close();
  });
}

const actions = {
  connect,
  request({ id, command, fields }) {
    const pdu = new smpp.PDU(command, inward(fields || {}));
    for (const [key, value] of Object.entries(inward(fields || {}))) if (key === 'sequence_number') pdu[key] = value;
    session.send(pdu, (response) => tell({ told: 'response', id, pdu: outward({ ...response }) }));
  },
  write({ octets }) {
    session.socket.write(Buffer.from(octets, 'hex'));
  },
  answering({ yes }) {
    answering = yes;
  },
  close() {
    session.close();
  },
};

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    try {
      actions[command.do](command);
    } catch (error) {
      tell({ told: 'error', why: String(error), stack: error.stack });
    }
  })
  .on('close', () => process.exit(0));
