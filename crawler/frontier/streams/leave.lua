-- Give up hosts. No worker may take one before its rest is over, so that its delay also holds between two workers.
-- A worker that leaves for good has still to close its books, where its run is registered.
-- KEYS: workers, runs, closing. ARGV: prefix, worker, 1 if it leaves for good, then for each host its name and rest in ms.
for i = 4, #ARGV, 2 do
    local owner = ARGV[1] .. 'owner:' .. ARGV[i]
    if redis.call('GET', owner) == ARGV[2] then
        if tonumber(ARGV[i + 1]) > 0 then
            redis.call('SET', owner, 'resting', 'PX', ARGV[i + 1])
        else
            redis.call('DEL', owner)
        end
    end
end
if ARGV[3] == '1' then
    redis.call('ZREM', KEYS[1], ARGV[2])
    if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
        redis.call('SADD', KEYS[3], ARGV[2])
    end
end
return 0
