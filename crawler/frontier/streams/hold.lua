-- Note that a worker is alive, and give it free hosts, up to its share.
-- Of few hosts all are looked at, so that they are shared evenly; of many a handful at a time, by chance, beside those
-- that the worker has, so that it costs the same however many there are.
-- KEYS: hosts, workers. ARGV: prefix, worker, lease in ms, how many hosts a worker has at most, and how many are few,
-- then the hosts that it had. Returns the hosts it holds, then those beyond its share.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
local total, few = redis.call('HLEN', KEYS[1]), tonumber(ARGV[5])
local share = math.min(math.ceil(total / redis.call('ZCARD', KEYS[2])), tonumber(ARGV[4]))
local hosts = {}
if total <= few then
    hosts = redis.call('HKEYS', KEYS[1])
    table.sort(hosts)
else
    local known = {}
    for i = 6, #ARGV do
        known[ARGV[i]] = true
        if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
            table.insert(hosts, ARGV[i])
        end
    end
    if #hosts < share then
        for _, host in ipairs(redis.call('HRANDFIELD', KEYS[1], few / 8)) do
            if not known[host] then
                table.insert(hosts, host)
            end
        end
    end
end
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
