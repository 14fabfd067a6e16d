// Access control: lists, addauth, NoAuth.
'use strict';
const { HOSTS, ROOT, connected, play, zookeeper } = require('./steps');

play(async () => {
  const [alice, plain, boss] = [await connected(), await connected([HOSTS[1]]), await connected([HOSTS[2]])];
  const list = (perms, scheme, id) => [new zookeeper.ACL(perms, new zookeeper.Id(scheme, id))];
  const digest = 'alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E=';
  const acl = (client, path) => client.step(`getACL ${path}`, client.call('getACL', ROOT + path));
  const setAcl = (client, path, acls, version = -1) =>
    client.step(`setACL ${path} at ${version}`, client.call('setACL', ROOT + path, acls, version));
  await alice.create('', '');
  await alice.create('/bad', '', 0, list(31, 'digest', 'alice'));
  await alice.create('/bad', '', 0, list(31, 'none', 'such'));
  await alice.create('/bad', '', 0, zookeeper.ACL.CREATOR_ALL_ACL);
  await alice.create('/ip', '', 0, list(1, 'ip', '127.0.0.0/8'));
  await alice.get('/ip');
  await alice.set('/ip', '');
  alice.raw.addAuthInfo('digest', Buffer.from('alice:secret'));
  await alice.create('/auth', '', 0, zookeeper.ACL.CREATOR_ALL_ACL);
  await acl(alice, '/auth');
  await alice.create('/digest', 'data', 0, list(31, 'digest', digest));
  await alice.create('/read', '', 0, zookeeper.ACL.READ_ACL_UNSAFE);
  await alice.get('/digest');
  await plain.caughtUp();
  await plain.get('/digest');
  await plain.set('/read', '');
  await plain.create('/read/x', '');
  await plain.children('/digest');
  await plain.exists('/digest');
  await acl(plain, '/digest');
  await setAcl(plain, '/digest', zookeeper.ACL.OPEN_ACL_UNSAFE);
  await setAcl(alice, '/digest', zookeeper.ACL.READ_ACL_UNSAFE, 7);
  await setAcl(alice, '/digest', zookeeper.ACL.READ_ACL_UNSAFE, 0);
  await acl(alice, '/digest');
  boss.raw.addAuthInfo('digest', Buffer.from('super:test'));
  await boss.caughtUp();
  await setAcl(boss, '/digest', list(31, 'digest', digest));
  await acl(boss, '/digest');
  const wrong = await connected();
  wrong.raw.addAuthInfo('none', Buffer.from('such'));
  await wrong.state('AUTH_FAILED');
  for (const client of [alice, plain, boss]) await client.end();
});
