// A server is killed under its client: the session and its ephemerals go on.
'use strict';
const { HOSTS, ask, connected, play, say } = require('./steps');

play(async () => {
  for (const role of ['follower', 'leader']) {
    const victim = (await ask(role === 'leader' ? 'leader' : 'followers')).split(' ')[0];
    const hosts = [victim, ...HOSTS.filter((host) => host !== victim)];
    const client = await connected(hosts, 30000);
    if (role === 'follower') await client.create('', '');
    await client.create('/' + role, '1', 1);
    const before = client.raw.getSessionId().toString('hex');
    await client.get('/' + role, true);
    say('killed');
    await ask('kill ' + victim);
    await client.state('DISCONNECTED');
    await client.state('SYNC_CONNECTED', 2);
    say(`the same session: ${client.raw.getSessionId().toString('hex') === before}`);
    await client.get('/' + role);
    await client.set('/' + role, '2', 0);
    await client.waitEvents('its watch was kept', 1);
    await ask('start ' + victim);
    const late = await connected([victim]);
    await late.caughtUp();
    await late.get('/' + role);
    await client.end();
    await late.caughtUp();
    await late.exists('/' + role);
    await late.end();
  }
});
