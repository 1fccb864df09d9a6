-- Take requests of hosts that the worker holds: first those whose lease has lapsed, then new ones, best level first.
-- KEYS: hosts. ARGV: prefix, worker, lease in ms, how many at most, then for each host its name, how many of it at most,
-- and its lock's life in ms.
-- Returns host, stream, entry, fingerprint, data and whether it was leased before, one after the other.
local found, left = {}, tonumber(ARGV[4])
local function keep(host, stream, entries, was_leased)
    for _, entry in ipairs(entries) do
        for _, value in ipairs({host, stream, entry[1], entry[2][2], entry[2][4], was_leased}) do
            table.insert(found, value)
        end
    end
    left = left - #entries
    return #entries
end
for i = 5, #ARGV, 3 do
    local host, room = ARGV[i], math.min(ARGV[i + 1], left)
    local owner = ARGV[1] .. 'owner:' .. host
    if redis.call('GET', owner) == ARGV[2] then
        redis.call('PEXPIRE', owner, ARGV[i + 2])
        for _, level in ipairs(redis.call('ZREVRANGE', ARGV[1] .. 'levels:' .. host, 0, -1)) do
            local stream = ARGV[1] .. 'stream:' .. level .. ':' .. host
            local lapsed = room > 0
                and redis.call('XAUTOCLAIM', stream, 'workers', ARGV[2], ARGV[3], '0-0', 'COUNT', room)
            room = room - (lapsed and keep(host, stream, lapsed[2], 1) or 0)
            local new = room > 0
                and redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[2], 'COUNT', room, 'STREAMS', stream, '>')
            room = room - (new and keep(host, stream, new[1][2], 0) or 0)
        end
    end
end
return found
