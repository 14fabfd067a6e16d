// One-shot watches, and what a reconnecting client is told.
'use strict';
const { HOSTS, ask, connected, play, say } = require('./steps');

play(async () => {
  const [client, writer] = [await connected([HOSTS[0]]), await connected([HOSTS[1]])];
  await client.create('', '');
  await client.exists('/a', true);
  await writer.caughtUp();
  await writer.create('/a', '');
  await client.waitEvents('created', 1);
  await client.get('/a', true);
  await client.children('/a', true);
  await client.children('', true);
  await writer.set('/a', '1');
  await client.waitEvents('changed', 1);
  await writer.set('/a', '2');
  await client.noEvents('once');
  await writer.create('/a/b', '');
  await client.waitEvents('a child', 1);
  await client.get('/a/b', true);
  await writer.remove('/a/b');
  await client.waitEvents('deleted', 1);
  await writer.remove('/a');
  await client.waitEvents('a child of the root', 1);
  await client.noEvents('no more');

  say('reconnection');
  const mover = await connected(HOSTS);
  for (const path of ['/kept', '/gone', '/changed']) {
    await mover.create(path, '');
    await mover.get(path, true);
  }
  await mover.exists('/came', true);
  await mover.children('/kept', true);
  await ask('kill ' + HOSTS[0]);
  const other = await connected([HOSTS[2]]);
  await other.caughtUp();
  await other.set('/changed', '1');
  await other.remove('/gone');
  await other.create('/came', '');
  await other.create('/kept/x', '');
  await mover.state('SYNC_CONNECTED', 2);
  await mover.until('four events', () => mover.events.length >= 4);
  mover.events.sort();
  await mover.waitEvents('what happened meanwhile', 4);
  await other.set('/kept', '1');
  await mover.waitEvents('the one that was left', 1);
  await mover.noEvents('no more');
  await ask('start ' + HOSTS[0]);
  await mover.end();
});
