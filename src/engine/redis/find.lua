-- Prints the marks of databases that were filled and not put in place.
local number = 0
while true do
    local found = redis.pcall('SELECT', number)
    if found['err'] then return 'none' end
    if redis.call('EXISTS', ARGV[1]) == 1 then return 'left' end
    number = number + 1
end
