-- Tell that a worker lives, and give it hosts that nobody has, up to its share.
-- KEYS: hosts, workers. ARGV: prefix, worker, lease in ms. Returns the hosts it holds, then those beyond its share.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
local hosts = redis.call('HKEYS', KEYS[1])
table.sort(hosts)
local share = math.ceil(#hosts / redis.call('ZCARD', KEYS[2]))
local mine, free, beyond = {}, {}, {}
for _, host in ipairs(hosts) do
    local owner = redis.call('GET', ARGV[1] .. 'owner:' .. host)
    if owner == ARGV[2] then
        table.insert(#mine < share and mine or beyond, host)
    elseif not owner then
        table.insert(free, host)
    end
end
for _, host in ipairs(free) do
    if #mine + #beyond >= share then
        break
    end
    redis.call('SET', ARGV[1] .. 'owner:' .. host, ARGV[2], 'PX', ARGV[3])
    table.insert(mine, host)
end
return {mine, beyond}
