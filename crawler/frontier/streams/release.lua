-- Give requests back unfetched: they count as lapsed, so that the host's next lease takes them first.
-- KEYS: hosts. ARGV: prefix, worker, then for each request its host, stream and entry.
for i = 3, #ARGV, 3 do
    local is_ours = redis.call('GET', ARGV[1] .. 'owner:' .. ARGV[i]) == ARGV[2]
    if is_ours and redis.call('EXISTS', ARGV[i + 1]) == 1 then
        redis.call('XCLAIM', ARGV[i + 1], 'workers', ARGV[2], 0, ARGV[i + 2], 'IDLE', 1000000000, 'JUSTID')
    end
end
return 0
