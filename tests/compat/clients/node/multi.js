// Transactions: success, each position that fails.
'use strict';
const { ROOT, connected, play } = require('./steps');

play(async () => {
  const client = await connected();
  await client.create('', '');

  async function multi(label, ...parts) {
    const batch = client.raw.transaction();
    for (const [what, path, ...rest] of parts) batch[what](ROOT + path, ...rest);
    const results = await new Promise((yes) => batch.commit((error, results) => yes([error, results])));
    const shown = (results[1] || []).map((result) => (result.err ? `err=${result.err}`
      : result.path ? result.path : result.stat ? client.show(result.stat) : `type=${result.type}`));
    await client.step(label, results[0] ? Promise.reject(results[0]) : Promise.resolve([]));
    await client.step('  parts', Promise.resolve([]), () => shown.join(' | '));
  }

  const data = Buffer.from('x');
  await multi('every mode', ['create', '/p'], ['create', '/e', data, 1], ['create', '/s-', data, 2], ['create', '/es-', data, 3]);
  await client.children('');
  await multi('together', ['create', '/x'], ['create', '/x/y'], ['setData', '/x', data, 0], ['check', '/x', 1], ['remove', '/x/y', 0]);
  await client.get('/x');
  for (let place = 0; place < 4; place += 1) {
    const parts = [['create', '/f'], ['setData', '/p', data], ['create', '/f/g'], ['check', '/p']];
    parts[place] = ['remove', '/no'];
    await multi(`NoNode at ${place}`, ...parts);
  }
  await client.exists('/f');
  await client.get('/p');
  await multi('BadVersion', ['create', '/q'], ['check', '/p', 7]);
  await multi('NodeExists', ['create', '/q'], ['create', '/q']);
  await multi('NotEmpty', ['create', '/x/y'], ['remove', '/x'], ['remove', '/x/y']);
  await client.end();
});
