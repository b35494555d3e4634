# A role that is there already would stop `psql -v ON_ERROR_STOP=1` at its CREATE ROLE. Each of these becomes a block that
# passes over it. Names, comments and settings may have quotes, line breaks and SQL of their own: a statement ends with the
# line on which every quote is closed, and what is in quotes is not looked at.
/^--/b
:more
h
s/"[^"]*"|'[^']*'//g
/["']/{
    g
    $b
    N
    b more
}
g
/^CREATE ROLE /!b
s/\\/\\\\/g
s/'/''/g
s/^CREATE ROLE (.*);$/DO E'BEGIN CREATE ROLE \1; EXCEPTION WHEN duplicate_object THEN NULL; END';/
