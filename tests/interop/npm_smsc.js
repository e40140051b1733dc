// An SMSC with npm's `smpp`: hexadecimal ids in responses, decimal ids in receipts, and an MO for every tenth message.
// Tells its port, then every text it is sent, as JSON lines on standard output.
'use strict';

const smpp = require('smpp');

let last = 0xab0000;

function receipt(pdu, id) {
  return {
    esm_class: 4, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:DELIVRD err:000 text:`,
  };
}

const server = smpp.createServer((session) => {
  const bind = (pdu) => session.send(pdu.response({ command_status: pdu.password === 'gw-pass' ? 0 : 0x0e }));
  session.on('bind_transceiver', bind);
  session.on('error', () => {});
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('submit_sm', (pdu) => {
    const id = ++last;
    process.stdout.write(JSON.stringify({ told: 'text', text: String(pdu.short_message.message) }) + '\n');
    session.send(pdu.response({ message_id: id.toString(16).toUpperCase() }));
    if (pdu.registered_delivery) session.deliver_sm(receipt(pdu, id));
    if (id % 10 === 0) {
      session.deliver_sm({ source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, short_message: 'reply' });
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({ told: 'listening', port: server.address().port }) + '\n');
});
