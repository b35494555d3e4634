-- Empties the databases that have one of the marks.
local number, cleared = 0, 0
while true do
    local found = redis.pcall('SELECT', number)
    if found['err'] then break end
    for _, mark in ipairs(ARGV) do
        if redis.call('EXISTS', mark) == 1 then
            redis.call('FLUSHDB', 'ASYNC')
            cleared = cleared + 1
        end
    end
    number = number + 1
end
return 'cleared ' .. cleared
