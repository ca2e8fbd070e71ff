-- The ticket's own database: nine columns, levels in upper and lower case, ids with a gap, an index, a view and a
-- trigger of the old system.
CREATE TABLE command_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id VARCHAR(64) NOT NULL,
    command TEXT NOT NULL,
    command_hash VARCHAR(64),
    working_directory TEXT,
    execution_time DATETIME,
    risk_level TEXT CHECK (1),
    is_sensitive BOOLEAN DEFAULT 0,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_session ON command_logs (session_id);
CREATE VIEW critical_commands AS SELECT id, command FROM command_logs WHERE risk_level = 'critical';
CREATE TABLE audit (id INTEGER);
CREATE TRIGGER watch AFTER INSERT ON command_logs BEGIN INSERT INTO audit VALUES (new.id); END;
INSERT INTO command_logs VALUES
  (1, 's1', 'ls -la', 'aa', '/home/xb874667', '2025-06-28 08:40:00', 'low', 0, '2025-06-28 08:40:00'),
  (2, 's1', 'nmap -sS 192.168.1.1', 'bb', '/home/xb874667', '2025-06-28 08:43:00', 'HIGH', 1, '2025-06-28 08:43:01'),
  (5, 's2', 'rm -rf /tmp/test', 'cc', '/tmp', '2025-06-28 08:44:00', 'CRITICAL', 1, '2025-06-28 08:44:00'),
  (17, 's2', 'sqlite3 test command', NULL, NULL, NULL, 'LOW', 0, '2025-06-28 08:50:12'),
  (18, 's2', 'nmap -sV target.example.com', 'dd', '/home/xb874667', '2025-06-28 08:50:30', 'high', 1, '2025-06-28 08:50:30'),
  (19, 's2', 'rm -rf /tmp/dangerous', 'ee', '/home/xb874667', '2025-06-28 08:50:30', 'medium', 1, '2025-06-28 08:50:30');
