-- Register a run in the crawl of its job, or begin one. A crawl that is over and has no workers left, because the last
-- one died before it could write the joint manifest, is returned instead, and the caller writes that manifest.
-- KEYS: crawl, runs, hosts, workers, closing. ARGV: run, id for a crawl that begins, manifest, lease in ms.
-- Returns the crawl's id, and behind that of a crawl that is over its manifests.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ARGV[4])
local living = redis.call('ZCARD', KEYS[4]) + redis.call('SCARD', KEYS[5])
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[3]) == 0 and living == 0 then
    return {redis.call('GET', KEYS[1]), unpack(redis.call('HVALS', KEYS[2]))}
end
redis.call('SET', KEYS[1], ARGV[2], 'NX')
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[4], now, ARGV[1])
return {redis.call('GET', KEYS[1])}
