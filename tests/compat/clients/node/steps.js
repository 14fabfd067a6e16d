// The vocabulary in which suites with node-zookeeper-client say what happened; ../README.md explains the lines.
'use strict';

const fs = require('fs');
const readline = require('readline');
const path = require('path');
const zookeeper = require(path.join(process.env.NODE_SUITE_MODULES, 'node-zookeeper-client'));

const HOSTS = process.argv[2].split(',');
const ROOT = process.env.SUITE_ROOT;
const PATIENCE_MS = 60000;
const NAMES = {
  NO_NODE: 'NoNode', NODE_EXISTS: 'NodeExists', BAD_VERSION: 'BadVersion', NOT_EMPTY: 'NotEmpty', NO_AUTH: 'NoAuth',
  INVALID_ACL: 'InvalidACL', BAD_ARGUMENTS: 'BadArguments', NO_CHILDREN_FOR_EPHEMERALS: 'NoChildrenForEphemerals',
  CONNECTION_LOSS: 'ConnectionLoss', UNIMPLEMENTED: 'Unimplemented', MARSHALLING_ERROR: 'MarshallingError',
  RUNTIME_INCONSISTENCY: 'RuntimeInconsistency', AUTH_FAILED: 'AuthFailed', SESSION_EXPIRED: 'SessionExpired', OK: 'ok',
};
const EVENTS = { 1: 'NodeCreated', 2: 'NodeDeleted', 3: 'NodeDataChanged', 4: 'NodeChildrenChanged' };

function say(line) {
  fs.writeSync(1, line + '\n');
}

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Has the runner do something to the servers.
async function ask(words) {
  say('!' + words);
  return (await answers.next()).value.trim();
}

function patiently(what, promise) {
  let timer;
  const late = new Promise((_, no) => {
    timer = setTimeout(() => no(new Error('not in time: ' + what)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function name(error) {
  return NAMES[error.name] || error.name || String(error);
}

const long = (buffer) => buffer.readBigInt64BE(0);

function stat(client, stat) {
  const [now, created, modified] = [BigInt(Date.now()), long(stat.ctime), long(stat.mtime)];
  const hour = 3600000n;
  const near = (time) => (time > now ? time - now : now - time) < hour;
  const right = created <= modified && near(created) && near(modified);
  const owner = long(stat.ephemeralOwner) === 0n ? 'none'
    : stat.ephemeralOwner.equals(client.raw.getSessionId()) ? 'mine' : 'other';
  return `czxid=<z:${long(stat.czxid)}> mzxid=<z:${long(stat.mzxid)}> pzxid=<z:${long(stat.pzxid)}> version=${stat.version} ` +
    `cversion=${stat.cversion} aversion=${stat.aversion} owner=${owner} length=${stat.dataLength} ` +
    `children=${stat.numChildren} times=${right ? 'right' : created ? 'wrong' : 'zero'}`;
}

class Client {
  constructor(hosts, timeout) {
    this.raw = zookeeper.createClient(hosts.join(','), { sessionTimeout: timeout || 20000, spinDelay: 50, retries: 0 });
    // The package takes its servers in any order; suites need to know which.
    this.raw.connectionManager.nextServerIndex = 0;
    this.raw.connectionManager.servers.splice(0, Infinity, ...hosts.map((host) => {
      const [address, port] = host.split(':');
      return { host: address, port: Number(port) };
    }));
    this.events = [];
    this.states = [];
    this.waiting = [];
    this.raw.on('state', (state) => {
      this.states.push(state.getName());
      this.waiting.splice(0).forEach((wake) => wake());
    });
    this.watcher = (event) => {
      this.events.push(`${EVENTS[event.getType()]} ${event.getPath()}`);
      this.waiting.splice(0).forEach((wake) => wake());
    };
  }

  async until(what, fact) {
    while (!fact()) await patiently(what, new Promise((wake) => this.waiting.push(wake)));
  }

  // Waits until the connection has been through so many states that bear this name.
  state(wanted, times = 1) {
    return this.until(wanted, () => this.states.filter((state) => state === wanted).length >= times);
  }

  call(method, ...words) {
    return patiently(method, new Promise((yes, no) => {
      this.raw[method](...words, (error, ...results) => (error ? no(error) : yes(results)));
    }));
  }

  async step(label, promise, show) {
    let line;
    try {
      const results = await promise;
      line = 'ok ' + (show ? show(...results) : results.map((result) => this.show(result)).join(' '));
    } catch (error) {
      line = name(error);
    }
    say(`${label}: ${line.trim()}`);
  }

  show(value) {
    if (value === undefined || value === null) return '';
    if (Buffer.isBuffer(value)) return `'${value}'`;
    if (Array.isArray(value)) return '[' + value.map((item) => this.show(item)).sort().join(' ') + ']';
    if (value.czxid) return stat(this, value);
    if (value.permission) return `${value.id.scheme}:${value.id.id}:${value.permission}`;
    return String(value);
  }

  create(path, data, mode = 0, acl = zookeeper.ACL.OPEN_ACL_UNSAFE) {
    return this.step(`create ${path} mode ${mode}`, this.call('create', ROOT + path, data && Buffer.from(data), acl, mode));
  }

  get(path, watch) {
    return this.step(`get ${path}`, this.call('getData', ROOT + path, ...(watch ? [this.watcher] : [])));
  }

  exists(path, watch) {
    return this.step(`exists ${path}`, this.call('exists', ROOT + path, ...(watch ? [this.watcher] : [])));
  }

  children(path, watch) {
    return this.step(`children ${path}`, this.call('getChildren', ROOT + path, ...(watch ? [this.watcher] : [])));
  }

  set(path, data, version = -1) {
    return this.step(`set ${path} at ${version}`, this.call('setData', ROOT + path, Buffer.from(data), version));
  }

  remove(path, version = -1) {
    return this.step(`delete ${path} at ${version}`, this.call('remove', ROOT + path, version));
  }

  async waitEvents(label, count) {
    await this.until(label, () => this.events.length >= count);
    say(`${label}:`);
    for (const event of this.events.splice(0, count)) say(`  event ${event}`);
  }

  // The package has no sync; a write that is answered here is behind all that this server has told of.
  async caughtUp() {
    await this.call('setData', ROOT, Buffer.from(''), -1).catch(() => {});
  }

  async noEvents(label) {
    await this.caughtUp();
    say(`${label}: ${this.events.length} events`);
  }

  async end() {
    this.raw.close();
    await this.state('DISCONNECTED', this.states.filter((state) => state === 'DISCONNECTED').length + 1);
  }
}

async function connected(hosts = HOSTS, timeout) {
  const client = new Client(hosts, timeout);
  client.raw.connect();
  await client.state('SYNC_CONNECTED');
  return client;
}

function play(suite) {
  suite().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { HOSTS, ROOT, ask, connected, play, say, zookeeper };
