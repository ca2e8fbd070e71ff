-- A database that the first version of the tables made, by 'sqlite3 monitor.db .dump' and the two numbers that it leaves out.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = 1936223598;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE command_logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT,
  command TEXT NOT NULL,
  command_hash TEXT,
  working_directory TEXT,
  execution_time TEXT,
  risk_level TEXT,
  is_sensitive INTEGER DEFAULT 0,
  created_at TEXT,
  started_at_ns INTEGER,
  recorded_at_ns INTEGER,
  duration_ns INTEGER,
  exit_status INTEGER,
  user TEXT,
  uid INTEGER,
  host TEXT,
  tty TEXT,
  pid INTEGER,
  ppid INTEGER,
  shell TEXT,
  ssh_client TEXT,
  parent_session TEXT,
  event_key TEXT,
  command_bytes BLOB,
  redacted TEXT,
  excluded INTEGER DEFAULT 0,
  partial INTEGER DEFAULT 0,
  rule_ids TEXT
);
INSERT INTO command_logs VALUES(1,'s1','ls -la','1de700c29687cae34561545f50d3c8b3d9afe88e04cc11069f8a6dc6e4ce9464','/home/ann','2025-06-28 08:50:31','low',0,'2025-06-28 08:50:31',1751100631000000000,1795436755953344830,1500000000,1,'root',0,'vm',NULL,8554,NULL,'bash',NULL,NULL,'boot:1:1:1',NULL,NULL,1,0,NULL);
INSERT INTO command_logs VALUES(2,'s0','nmap -sV target.example.com','fe727e14e98ff8028d1475b9b886c7de5bbb6a282cb77c78c57810081c98177a','/home/ann','2025-06-28 08:50:32','high',1,'2025-06-28 08:50:32',1751100632000000000,1795436755981749442,1500000000,0,'root',0,'vm',NULL,8554,NULL,'bash',NULL,NULL,'boot:1:1:2',NULL,NULL,0,0,'reconnaissance.nmap');
INSERT INTO command_logs VALUES(3,'s1','rm -rf /tmp/dangerous','88f32d21025dd31e96ebdbca71c8262d962ab1dbaaf94433c2df4bf053366c60','/home/ann','2025-06-28 08:50:33','critical',1,'2025-06-28 08:50:33',1751100633000000000,1795436756008601039,1500000000,1,'root',0,'vm',NULL,8554,NULL,'bash',NULL,NULL,'boot:1:1:3',NULL,NULL,0,0,'destruction.rm-recursive-force');
INSERT INTO command_logs VALUES(4,'s0','mysql -pS3cretpw -e ''select 1''','df7164eec9e4608dc161104b1540c7035da53bd0e50e35511691e49875c28544','/home/ann','2025-06-28 08:50:34','high',1,'2025-06-28 08:50:34',1751100634000000000,1795436756038000593,1500000000,0,'root',0,'vm',NULL,8554,NULL,'bash',NULL,NULL,'boot:1:1:4',NULL,'mysql -p**** -e ''select 1''',0,0,'database.mysql');
INSERT INTO command_logs VALUES(5,'s1','echo 削除しました','ea637ed01b8024164635f360c7b59ea3dfe015ab3110c9b2fd26526f09113f0e','/home/ann','2025-06-28 08:50:35','low',0,'2025-06-28 08:50:35',1751100635000000000,1795436756074636976,1500000000,1,'root',0,'vm',NULL,8554,NULL,'bash',NULL,NULL,'boot:1:1:5',NULL,NULL,1,0,NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('inode',10076275);
CREATE TABLE epochs (
  number INTEGER PRIMARY KEY,
  epoch TEXT NOT NULL UNIQUE,
  first_row INTEGER NOT NULL,
  started_at_ns INTEGER NOT NULL,
  reason TEXT NOT NULL
);
INSERT INTO epochs VALUES(1,'4232d02438a4a2de',1,1795436755888632037,'created');
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  parent_session TEXT,
  user TEXT,
  uid INTEGER,
  host TEXT,
  tty TEXT,
  pid INTEGER,
  shell TEXT,
  ssh_client TEXT,
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  started_at_ns INTEGER NOT NULL,
  last_at_ns INTEGER NOT NULL,
  commands INTEGER NOT NULL,
  worst INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO sessions VALUES('s0',NULL,'root',0,'vm',NULL,8554,'bash',NULL,2,4,1751100632000000000,1751100634000000000,2,2);
INSERT INTO sessions VALUES('s1',NULL,'root',0,'vm',NULL,8554,'bash',NULL,1,5,1751100631000000000,1751100635000000000,3,3);
CREATE TABLE rules (
  number INTEGER PRIMARY KEY,
  rule TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL,
  attack TEXT NOT NULL,
  title_en TEXT NOT NULL,
  title_ja TEXT NOT NULL
);
INSERT INTO rules VALUES(1,'reconnaissance.nmap','reconnaissance','T1046','Port scan','ポートスキャン');
INSERT INTO rules VALUES(2,'destruction.rm-recursive-force','destruction','T1485','Dangerous deletion','危険な削除コマンド');
INSERT INTO rules VALUES(3,'database.mysql','database','T1213.006','MySQL connection','MySQL接続');
CREATE TABLE findings (
  command_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  rule INTEGER NOT NULL REFERENCES rules(number),
  level TEXT NOT NULL,
  span_start INTEGER NOT NULL,
  span_end INTEGER NOT NULL,
  PRIMARY KEY (command_id, position)
) WITHOUT ROWID;
INSERT INTO findings VALUES(2,0,1,'high',0,27);
INSERT INTO findings VALUES(3,0,2,'critical',0,21);
INSERT INTO findings VALUES(4,0,3,'high',0,30);
CREATE TABLE notifications (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  command_id INTEGER,
  sink TEXT NOT NULL,
  level TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at_ns INTEGER NOT NULL,
  next_attempt_ns INTEGER NOT NULL DEFAULT 0,
  updated_at_ns INTEGER NOT NULL DEFAULT 0,
  message_id TEXT,
  error TEXT,
  payload TEXT NOT NULL,
  fold TEXT,
  solo INTEGER NOT NULL DEFAULT 1,
  batch INTEGER
);
CREATE TABLE notify_sinks (
  sink TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  blocked_until_ns INTEGER NOT NULL DEFAULT 0,
  updated_at_ns INTEGER NOT NULL DEFAULT 0,
  sent_at_ns INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  digest_day TEXT
) WITHOUT ROWID;
CREATE TABLE notify_folds (
  sink TEXT NOT NULL,
  fold TEXT NOT NULL,
  until_ns INTEGER NOT NULL,
  alone INTEGER NOT NULL,
  PRIMARY KEY (sink, fold)
) WITHOUT ROWID;
CREATE TABLE notify_requests (
  scope TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  post INTEGER NOT NULL
);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','command_text','command_text',0,'CREATE VIRTUAL TABLE command_text USING fts5 (
  command, content = '''', contentless_delete = 1, tokenize = ''trigram'', detail = ''none''
)');
CREATE TABLE IF NOT EXISTS 'command_text_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO command_text_data VALUES(1,X'');
INSERT INTO command_text_data VALUES(10,X'00000000ff000001000000');
CREATE TABLE IF NOT EXISTS 'command_text_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS 'command_text_docsize'(id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);
CREATE TABLE IF NOT EXISTS 'command_text_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO command_text_config VALUES('version',4);
CREATE TABLE evidence (
  sequence INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  row_id INTEGER NOT NULL,
  leaf BLOB NOT NULL
);
INSERT INTO evidence VALUES(1,4,1,X'24c515aabbbe0283946b8cb3e237ae044e07ea053ac19b1dd24368d7efafd9c4');
INSERT INTO evidence VALUES(2,1,1,X'5f3e2c46b8838f4a24e8d106320652ca282cc646af71a96942534037c90347ca');
INSERT INTO evidence VALUES(3,2,1,X'526ec2d09e26c7dd57b6e0620eb12c143699eea3e9b12361bbe570e34137b104');
INSERT INTO evidence VALUES(4,1,2,X'763aed82730972e04ec1fdf2375dba7dc5cc50c2be378f3840f3934f99108c34');
INSERT INTO evidence VALUES(5,2,2,X'2ecf2f1758bea868dbd8fb0ef106eedbd5752d33aaa8488913c6804d70e18457');
INSERT INTO evidence VALUES(6,1,3,X'5e25ae508b2c6ef87a6936e1ad4595e328ceac9b299301b4f5d9ca6e42a5f450');
INSERT INTO evidence VALUES(7,2,3,X'0f959b5e32d147b6c6b2c6463655b9f697e9da01e14bd0f2081f0e55c6f2b04a');
INSERT INTO evidence VALUES(8,1,4,X'c154d013946c25a6ea7013338270ab6d382aebc2e8726c8e461982fc5014076a');
INSERT INTO evidence VALUES(9,2,4,X'ce1067d529f2ba054fa1d87d2c9618c6eacba6f122577861995fcc46548a74bb');
INSERT INTO evidence VALUES(10,1,5,X'513640d7a225b1b83d55d2cfab9909044b6a08336034bdae0716c5ff40341dec');
INSERT INTO evidence VALUES(11,2,5,X'e9f1efa53402497fd003b182f460b31249deb3e66590ebba7c0593087ca618af');
CREATE TABLE tree (
  level INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (level, position)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
  number INTEGER PRIMARY KEY,
  size INTEGER NOT NULL,
  created_at_ns INTEGER NOT NULL,
  key BLOB NOT NULL,
  next_key BLOB NOT NULL,
  note TEXT NOT NULL
);
INSERT INTO checkpoints VALUES(1,3,1795436755954505098,X'c0b44170279bffd047597aaa8a258d6e388f9d0d42b4648a83d16d6f3f0b8df3',X'882082b6277d5b44d44515178cbda25790d280ccad277bcbb1da4f74ce3f2cc4',replace('shmon/4232d02438a4a2de\n3\nEOs+WASq6V1LofzRGDlUUZlpSU8iOd/yaYUhu8s2fi8=\nnumber 1\nrow 1\ntime 2026-11-23T12:25:55.954505098Z\nnext iCCCtid9W0TURRUXjL2iV5DSgMytJ3vLsdpPdM4/LMQ=\n\n— shmon/4232d02438a4a2de DQ7o1dM4ReTx0xEdWaxsaUEvbQ7a8+T0tsb4x51/39PPmCb4iZDEqZg+Q4hGONkEJy6Z3jwLw0Jz18RXSCyH3fICzQ4=\n','\n',char(10)));
CREATE TABLE tombstones (
  number INTEGER PRIMARY KEY,
  created_at_ns INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  description TEXT NOT NULL,
  ranges BLOB NOT NULL
);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('command_logs',5);
CREATE UNIQUE INDEX command_by_key ON command_logs(event_key) WHERE event_key IS NOT NULL;
CREATE INDEX command_by_time ON command_logs(started_at_ns);
CREATE INDEX command_by_session ON command_logs(session_id, started_at_ns);
CREATE INDEX command_by_level ON command_logs(risk_level, started_at_ns);
CREATE INDEX command_by_user ON command_logs(user, started_at_ns);
CREATE INDEX command_by_directory ON command_logs(working_directory, started_at_ns);
CREATE INDEX command_by_failure ON command_logs(exit_status, started_at_ns) WHERE exit_status <> 0;
CREATE INDEX session_by_time ON sessions(last_at_ns);
CREATE INDEX finding_by_rule ON findings(rule, command_id);
CREATE INDEX notification_open ON notifications(sink, id) WHERE state IN ('pending', 'sending', 'unknown');
CREATE INDEX notification_new ON notifications(id) WHERE fold IS NULL;
CREATE INDEX notification_batch ON notifications(batch) WHERE batch IS NOT NULL;
CREATE INDEX notification_by_command ON notifications(command_id);
CREATE INDEX notify_request_by_scope ON notify_requests(scope, at_ns);
PRAGMA writable_schema=OFF;
COMMIT;
