// An application on eureka-js-client, with its servers written down.
'use strict';

const { Eureka } = require('eureka-js-client');

const app = process.env.COMPAT_APP;
const port = Number(process.env.COMPAT_PORT);
const seconds = Number(process.env.COMPAT_INTERVAL);
const id = `127.0.0.1:${app.toLowerCase()}:${port}`;

const client = new Eureka({
  instance: {
    instanceId: id,
    app,
    hostName: '127.0.0.1',
    ipAddr: '127.0.0.1',
    port: { $: port, '@enabled': 'true' },
    vipAddress: app.toLowerCase(),
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: { renewalIntervalInSecs: seconds, durationInSecs: Number(process.env.COMPAT_LEASE) },
  },
  eureka: {
    // This client wants the path down to "apps/".
    serviceUrls: { default: process.env.COMPAT_SERVERS.split(',').map((url) => url + 'apps/') },
    heartbeatInterval: seconds * 1000,
    registryFetchInterval: seconds * 1000,
    requestRetryDelay: 500,
    maxRetries: 3,
  },
});

client.on('registryUpdated', () => {
  const up = Object.entries(client.cache.app).filter(([, all]) => all.some((one) => one.status === 'UP'));
  console.log('sees', up.map(([name]) => name).sort().join(' '));
});
client.start((err) => err && console.error('start:', err.message));

process.on('SIGTERM', () => client.stop((err) => process.exit(err ? 1 : 0)));
