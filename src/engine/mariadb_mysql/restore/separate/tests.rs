use super::*;

fn separated(dump: &str, wanted: Separation) -> (String, Separated) {
    let mut separator = Separator::new(wanted);
    let mut out = separator.take(Some(dump.as_bytes())).to_vec();
    out.extend_from_slice(&separator.take(None));
    assert_eq!(out.len(), dump.len(), "it stays as long as it was");
    (String::from_utf8(out).unwrap(), separator.end())
}

fn of(own: &str) -> Separation {
    Separation { own: own.to_owned(), together: vec!["crm".to_owned()], ..Separation::default() }
}

/// The heads, as dump tools write them.
#[test]
fn nothing_is_made_in_the_database_the_dump_is_of() {
    for (statement, wanted) in [
        (
            "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER shop.t1 BEFORE INSERT ON shop.o FOR EACH ROW INSERT INTO shop.log VALUES (1) */;",
            "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER      t1 BEFORE INSERT ON      o FOR EACH ROW INSERT INTO shop.log VALUES (1) */;",
        ),
        (
            "CREATE TRIGGER IF NOT EXISTS `shop` . `a.b` AFTER UPDATE ON `Shop`.`o` FOR EACH ROW DO 0;",
            "CREATE TRIGGER IF NOT EXISTS          `a.b` AFTER UPDATE ON        `o` FOR EACH ROW DO 0;",
        ),
        (
            "CREATE DEFINER=`a`@`%` PROCEDURE `shop`.`p`() SELECT 1;",
            "CREATE DEFINER=`a`@`%` PROCEDURE        `p`() SELECT 1;",
        ),
        (
            "ALTER DATABASE `shop` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ;",
            "ALTER DATABASE        CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ;",
        ),
        ("USE `shop`;", "DO 0      ;"),
        (
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;",
            "DO 0                                                                                     ;",
        ),
        ("/*!40000 DROP DATABASE IF EXISTS `shop`*/;", "DO 0                                     ;"),
        (
            "CREATE TABLE `n` (`id` bigint DEFAULT nextval(`shop`.`counter`), `t` text DEFAULT 'nextval(`shop`.`x`)');",
            "CREATE TABLE `n` (`id` bigint DEFAULT nextval(       `counter`), `t` text DEFAULT 'nextval(`shop`.`x`)');",
        ),
        (
            "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select `shop`.`plus`(`o`.`id`,1) AS `m`,`shop`.`line` AS `l` from (`o` join `log` `shop`) */;",
            "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013                            SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select        `plus`(`o`.`id`,1) AS `m`,`shop`.`line` AS `l` from (`o` join `log` `shop`) */;",
        ),
    ] {
        let (out, found) = separated(&format!("-- head\n{statement}\n"), of("shop"));
        assert_eq!(out, format!("-- head\n{wanted}\n"));
        assert_eq!(found.problem, None);
    }
}

#[test]
fn a_view_over_what_comes_back_with_it_is_kept_for_later() {
    let view = "/*!50001 DROP VIEW IF EXISTS `v`*/;\n/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50001 VIEW `v` AS select `crm`.`t`.`i` AS `i` from `crm`.`t` */;\n";
    let (out, found) = separated(view, of("shop"));
    assert!(!out.contains("crm") && out.contains("DO 0"), "{out}");
    assert_eq!(String::from_utf8(found.definitions.views).unwrap(), view);
    let (out, _) = separated(&view.replace("crm", "other"), of("shop"));
    assert!(out.contains("from `other`.`t`"), "{out}");
}

#[test]
fn a_key_to_another_database_is_kept_for_later() {
    let table = "CREATE TABLE `o` (\n  `c` int,\n  KEY `k` (`c`),\n  CONSTRAINT `own` FOREIGN KEY (`c`) REFERENCES `p` (`id`),\n  \
        CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `crm`.`t,(` (`id`, `b`) ON DELETE CASCADE,\n  CONSTRAINT `x` CHECK (`c` > 1)\n) ENGINE=InnoDB;\n";
    let (out, found) = separated(table, of("shop"));
    assert!(
        !out.contains("crm")
            && out.contains("REFERENCES `p` (`id`) ")
            && out.contains(" ,\n  CONSTRAINT `x`"),
        "{out}"
    );
    assert_eq!(
        String::from_utf8(found.definitions.keys).unwrap(),
        "ALTER TABLE `o` ADD CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `crm`.`t,(` (`id`, `b`) ON DELETE CASCADE;\n"
    );
}

#[test]
fn a_default_of_a_sequence_that_comes_back_with_it_is_kept_for_later() {
    let table = "CREATE TABLE `n` (\n  `a` bigint(20) DEFAULT nextval(`shop`.`s`) COMMENT 'x',\n  `b``c` bigint(20) NOT NULL DEFAULT \
        (nextval(`crm`.`s,(`) + 1),\n  `d` bigint(20) DEFAULT nextval(`other`.`s`)\n) ENGINE=InnoDB;\n";
    let (out, found) = separated(table, of("shop"));
    assert!(
        out.contains("DEFAULT nextval(       `s`) COMMENT") && out.contains("nextval(`other`.`s`)"),
        "{out}"
    );
    assert!(!out.contains("crm") && out.contains("NOT NULL ") && out.contains(" ,\n  `d`"), "{out}");
    assert_eq!(
        String::from_utf8(found.definitions.keys).unwrap(),
        "ALTER TABLE `n` ALTER COLUMN `b``c` SET DEFAULT (nextval(`crm`.`s,(`) + 1);\n"
    );
}

#[test]
fn a_place_of_its_own_is_kept_or_left_to_the_server() {
    let table = "CREATE TABLE `o` (\n  `data` int COMMENT 'DATA DIRECTORY ''x'''\n) /*!50100 TABLESPACE `a b` */ ENGINE=InnoDB DATA DIRECTORY='/t''s/'\n\
        /*!50100 PARTITION BY RANGE (`data`)\n(PARTITION p0 VALUES LESS THAN (1) DATA DIRECTORY = '/ts' ENGINE = InnoDB) */;\n";
    let (out, _) = separated(table, of("shop"));
    assert_eq!(out, table);
    let (out, _) = separated(table, Separation { default_place: true, ..of("shop") });
    let words: Vec<_> = out.split_ascii_whitespace().collect();
    assert_eq!(
        words.join(" "),
        "CREATE TABLE `o` ( `data` int COMMENT 'DATA DIRECTORY ''x''' ) /*!50100 */ ENGINE=InnoDB /*!50100 PARTITION BY RANGE \
         (`data`) (PARTITION p0 VALUES LESS THAN (1) ENGINE = InnoDB) */;"
    );
}

#[test]
fn a_backslash_is_what_the_mode_of_the_definition_makes_of_it() {
    let dump = "/*!50003 SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES' */ ;\nDELIMITER ;;\n\
        CREATE PROCEDURE \"p\"() SELECT 'a\\' || 'b' ;;\nDELIMITER ;\n/*!50003 SET sql_mode = @saved_sql_mode */ ;\n\
        /*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`r`@`l` SQL SECURITY DEFINER */\n\
        /*!50001 VIEW `v` AS select 'a\\'b' AS `x` from `crm`.`t` */;\n";
    // In one piece, and in many.
    for size in [dump.len(), 1, 7] {
        let mut separator = Separator::new(of("shop"));
        let pieces =
            dump.as_bytes().chunks(size).map(|piece| separator.take(Some(piece))).collect::<Vec<_>>();
        let out = [pieces.concat(), separator.take(None).to_vec()].concat();
        let found = separator.end();
        assert_eq!(found.problem, None);
        assert!(!String::from_utf8_lossy(&out).contains("crm"), "{size}: {}", String::from_utf8_lossy(&out));
        assert!(String::from_utf8(found.definitions.views).unwrap().contains("`crm`.`t`"));
    }
    for end in [
        "CREATE PROCEDURE p() SELECT 'a",
        "CREATE VIEW v AS SELECT 1",
        "DELIMITER ;;\n",
        "/* x",
        "INSERT INTO t VALUES (1)",
    ] {
        let (_, found) = separated(end, of("shop"));
        assert_eq!(found.problem.as_deref(), Some("it ends in the middle of a statement"), "{end}");
    }
}

#[test]
fn events_are_disabled_until_they_are_where_they_belong() {
    let event = |state: &str| {
        format!(
            "DELIMITER ;;\n/*!50106 CREATE*/ /*!50117 DEFINER=`r`@`l`*/ /*!50106 EVENT `shop`.`e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE {state} COMMENT 'ENABLE' DO INSERT INTO shop.log VALUES ('ENABLE') */ ;;\nDELIMITER ;\n"
        )
    };
    let (out, found) = separated(&event("ENABLE"), of("shop"));
    assert!(out.contains("PRESERVE DISABLE COMMENT 'ENABLE' DO"), "{out}");
    assert!(String::from_utf8(found.definitions.objects).unwrap().contains("PRESERVE ENABLE"));
    assert_eq!(found.disabled, [""; 0]);
    assert_eq!(found.references, [""; 0]);
    let (_, found) = separated(&event("ENABLE"), Separation { is_copy: true, ..of("shop") });
    assert!(String::from_utf8(found.definitions.objects).unwrap().contains("PRESERVE DISABLE"));
    assert_eq!(found.disabled, ["e"]);
    let (_, found) = separated(&event("DISABLE"), Separation { is_copy: true, ..of("shop") });
    assert_eq!(found.disabled, [""; 0]);
    let plain = "SET @x = 1;\nCREATE EVENT e ON SCHEDULE EVERY 1 DAY ENABLE DO SELECT 1;\n";
    assert!(separated(plain, of("shop")).0.contains("DAY DISABLE DO"));
}

#[test]
fn what_reaches_back_by_name_is_found() {
    let body =
        |body: &str| format!("DELIMITER ;;\nCREATE PROCEDURE `p`() BEGIN {body} END ;;\nDELIMITER ;\n");
    for reaches in [
        "INSERT INTO shop.log VALUES (1);",
        "INSERT INTO `shop` . `log` VALUES (1);",
        "CALL shop.p2();",
        "SELECT \"shop\".\"log\".x;",
        "SET @s = 'INSERT INTO shop.log VALUES (1)'; PREPARE s FROM @s;",
    ] {
        assert_eq!(separated(&body(reaches), of("shop")).1.references, ["procedure p"], "{reaches}");
    }
    for does_not in [
        "INSERT INTO log VALUES ('shop.log');",
        "SELECT 1; -- shop.log\n",
        "SELECT x.shop.y, workshop.z, @shop.x;",
        "/* shop.log */ SELECT 1;",
    ] {
        assert_eq!(separated(&body(does_not), of("shop")).1.references, [""; 0], "{does_not}");
    }
}

#[test]
fn definitions_are_told_from_tables_and_rows() {
    let dump = "/*!40101 SET NAMES utf8mb4 */;\nDROP TABLE IF EXISTS `t`;\nCREATE TABLE `t` (a int);\nLOCK TABLES `t` WRITE;\n\
        INSERT INTO `t` VALUES (1);\nUNLOCK TABLES;\n/*!50001 DROP VIEW IF EXISTS `v`*/;\n/*!50001 CREATE VIEW `v` AS SELECT 1 AS `a` */;\n\
        /*!50003 DROP FUNCTION IF EXISTS `f` */;\nDELIMITER ;;\nCREATE FUNCTION `f`() RETURNS int RETURN 1 ;;\nDELIMITER ;\n\
        /*!50001 DROP VIEW IF EXISTS `v`*/;\n/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50001 VIEW `v` AS select 2 AS `a` */;\n-- Dump completed\n";
    let (out, found) = separated(dump, of("shop"));
    assert_eq!(out, dump);
    insta::assert_snapshot!(String::from_utf8(found.definitions.objects).unwrap(), @r"
    /*!40101 SET NAMES utf8mb4 */;
    /*!50001 DROP VIEW IF EXISTS `v`*/;
    /*!50001 CREATE VIEW `v` AS SELECT 1 AS `a` */;
    /*!50003 DROP FUNCTION IF EXISTS `f` */;
    DELIMITER ;;
    CREATE FUNCTION `f`() RETURNS int RETURN 1 ;;
    DELIMITER ;
    ");
    insta::assert_snapshot!(String::from_utf8(found.definitions.views).unwrap(), @r"
    /*!40101 SET NAMES utf8mb4 */;
    DELIMITER ;;
    DELIMITER ;
    /*!50001 DROP VIEW IF EXISTS `v`*/;
    /*!50001 CREATE ALGORITHM=UNDEFINED */
    /*!50001 VIEW `v` AS select 2 AS `a` */;
    ");
}
