-- Take the manifest of a run that has ended, and return the state of the crawl.
-- KEYS: crawl, runs, hosts, workers, closing, joint. ARGV: run, crawl, manifest, lease in ms.
-- Returns 'over', how many workers are still to come, and the manifests; or 'open' where there is something left to
-- fetch; or 'gone' and the joint manifest, if it is still there, where another worker has ended the crawl.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
    return {'gone', redis.call('GET', KEYS[6]) or ''}
end
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[4])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
if redis.call('EXISTS', KEYS[3]) == 1 then
    return {'open'}
end
local coming = redis.call('ZCARD', KEYS[4]) + redis.call('SCARD', KEYS[5])
return {'over', tostring(coming), unpack(redis.call('HVALS', KEYS[2]))}
