-- Give up hosts. Nobody may have one before its rest is over, so that its delay holds between two workers, too.
-- KEYS: workers. ARGV: prefix, worker, 1 if the worker leaves for good, then for each host its name and rest in ms.
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
end
return 0
