"""What several test files use."""

import http.server
import json
import sqlite3


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        answer = json.dumps({"message_id": str(len(self.server.seen))}).encode()
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.server.arrived.set()

    def log_message(self, *_):
        pass


def old_database(folder):
    path = folder / "monitor.db"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE command_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, command TEXT, "
        "command_hash TEXT, working_directory TEXT, execution_time TEXT, risk_level TEXT, is_sensitive INTEGER, "
        "created_at TEXT)"
    )
    at = "2025-06-28 08:50:30"
    for id, level, command in [
        (17, "low", "sqlite3 test command"),
        (18, "high", "nmap -sV target.example.com"),
        (19, "critical", "rm -rf /tmp/dangerous"),
    ]:
        sensitive = int(level != "low")
        row = (id, "old-session", command, "0" * 64, "/home/xb874667", at, level, sensitive, at)
        connection.execute("INSERT INTO command_logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    return path
