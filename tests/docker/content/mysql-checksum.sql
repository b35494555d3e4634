-- Prints the same lines for the same content of the server that mysql.sql makes, whatever the order of rows:
--   mysql --default-character-set=utf8mb4 -uroot -N -B <mysql-checksum.sql
SET NAMES utf8mb4;
SET time_zone = '+00:00', group_concat_max_len = 100000000, sql_mode = '';
SET SESSION print_identified_with_as_hex = 1, information_schema_stats_expiry = 0;

SELECT 'everything', COUNT(*), SHA2(GROUP_CONCAT(CONCAT_WS('|', id, QUOTE(HEX(txt)), QUOTE(HEX(bin)), QUOTE(HEX(fixed)),
    QUOTE(HEX(var)), QUOTE(HEX(latin)), QUOTE(HEX(moody)), QUOTE(many + 0), QUOTE(doc), QUOTE(day), QUOTE(at), QUOTE(naive),
    QUOTE(lasting), QUOTE(y), QUOTE(money), QUOTE(f), QUOTE(d), QUOTE(bits + 0), QUOTE(HEX(ST_AsBinary(place))),
    QUOTE(few), QUOTE(twice), QUOTE(thrice), QUOTE(hidden), QUOTE(dflt)) ORDER BY id SEPARATOR '\n'), 256)
FROM shop.everything;
SELECT 'zero', COUNT(*), GROUP_CONCAT(CONCAT_WS('|', id, a) ORDER BY id) FROM shop.zero;
SELECT 'empty_table', COUNT(*) FROM shop.empty_table;
SELECT 'odd', COUNT(*), GROUP_CONCAT(HEX(`co"l ``é`), `select` ORDER BY `select`) FROM shop.`odd ``table`` 'é \ "`;
SELECT 'family', p.*, c.* FROM shop.parent p, shop.child c;
SELECT 'parted', COUNT(*), SHA2(GROUP_CONCAT(CONCAT_WS('|', at, n) ORDER BY n), 256) FROM shop.parted;
SELECT 'isam', COUNT(*), SUM(a) FROM shop.isam;
SELECT 'log', COUNT(*), GROUP_CONCAT(line ORDER BY line) FROM shop.log;
SELECT 'v', COUNT(*), SHA2(GROUP_CONCAT(CONCAT_WS('|', id, QUOTE(few), QUOTE(more), HEX(text)) ORDER BY id), 256)
FROM shop.a_view_before_its_base;
SELECT 'routines', shop.plus(1, 2), shop.ansi();
CALL shop.`odd ``proc```('é', @b);
SELECT 'procedure', @b;
SELECT 'we ird', COUNT(*), GROUP_CONCAT(CONCAT_WS('|', a, QUOTE(b)) ORDER BY a) FROM `we ird ``x`` "q" 'é \ 100%`.t;
SELECT 'a=b', a FROM `a=b`.t;

USE information_schema;
SELECT 'schema', schema_name, default_character_set_name, default_collation_name FROM schemata
WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY schema_name;
SELECT 'table', table_schema, table_name, table_type, engine, row_format, table_collation, create_options, table_comment,
    auto_increment FROM tables
WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY table_schema, table_name;
SELECT 'columns', table_schema, table_name, COUNT(*), SHA2(GROUP_CONCAT(CONCAT_WS('|', column_name, QUOTE(column_default),
    is_nullable, column_type, QUOTE(character_set_name), QUOTE(collation_name), extra, column_comment,
    QUOTE(generation_expression)) ORDER BY ordinal_position), 256) FROM columns
WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') GROUP BY table_schema, table_name
ORDER BY table_schema, table_name;
SELECT 'index', table_schema, table_name, index_name, seq_in_index, column_name, index_type, non_unique FROM statistics
WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
ORDER BY table_schema, table_name, index_name, seq_in_index;
SELECT 'constraint', constraint_schema, table_name, constraint_name, constraint_type FROM table_constraints
WHERE constraint_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
ORDER BY constraint_schema, table_name, constraint_name;
SELECT 'check', constraint_schema, constraint_name, check_clause FROM check_constraints
WHERE constraint_schema NOT IN ('mysql', 'sys') ORDER BY constraint_schema, constraint_name;
SELECT 'partition', table_name, partition_name, subpartition_name, partition_expression, partition_description
FROM partitions WHERE table_schema = 'shop' AND partition_name IS NOT NULL ORDER BY table_name, partition_name,
    subpartition_name;
SELECT 'view', table_schema, table_name, HEX(view_definition), definer, security_type FROM views
WHERE table_schema NOT IN ('mysql', 'sys') ORDER BY table_schema, table_name;
SELECT 'routine', routine_schema, routine_name, routine_type, HEX(routine_definition), sql_mode, definer, security_type,
    routine_comment, database_collation FROM routines
WHERE routine_schema NOT IN ('mysql', 'sys') ORDER BY routine_schema, routine_name;
SELECT 'trigger', trigger_schema, trigger_name, event_object_table, action_order, HEX(action_statement), sql_mode, definer
FROM triggers WHERE trigger_schema NOT IN ('mysql', 'sys') ORDER BY trigger_schema, trigger_name;
SELECT 'event', event_schema, event_name, HEX(event_definition), interval_value, interval_field, starts, time_zone, status,
    definer, event_comment FROM events ORDER BY event_schema, event_name;

USE mysql;
SELECT 'account', user, host, plugin, IF(user = 'root', '', HEX(authentication_string)), ssl_type, max_questions,
    password_lifetime, account_locked, User_attributes, CONCAT_WS('', select_priv, insert_priv, process_priv, super_priv,
    repl_client_priv, grant_priv) FROM user ORDER BY user, host;
SELECT 'global grant', user, host, priv, with_grant_option FROM global_grants WHERE user <> 'root' ORDER BY user, host, priv;
SELECT 'database grant', user, host, db, CONCAT_WS('', select_priv, insert_priv, update_priv, grant_priv, alter_priv) FROM db
ORDER BY user, host, db;
SELECT 'table grant', user, host, db, table_name, table_priv, column_priv FROM tables_priv
ORDER BY user, host, db, table_name;
SELECT 'column grant', user, host, db, table_name, column_name, column_priv FROM columns_priv
ORDER BY user, host, db, table_name, column_name;
SELECT 'routine grant', user, host, db, routine_name, routine_type, proc_priv FROM procs_priv
ORDER BY user, host, db, routine_name;
SELECT 'role grant', from_user, from_host, to_user, to_host, with_admin_option FROM role_edges
ORDER BY from_user, from_host, to_user, to_host;
SELECT 'default role', user, host, default_role_user, default_role_host FROM default_roles
ORDER BY user, host, default_role_user;
SHOW GRANTS FOR locked@localhost;
SHOW GRANTS FOR app@'%';
