import HeroConvert
import Testing

/// The tables of keys are the documentation, so each sample must have the fate that its row states.
@Suite("Tables of imported keys")
struct KeyTableTests {
    @Test("Every row of the supervisord program table has the fate that it states")
    func supervisordPrograms() throws {
        for rule in Self.table(.supervisord, "[program:x]").rules {
            let own = rule.key == "command" ? "" : "command=web\n"
            let text = "[program:x]\n\(own)\(rule.key)=\(rule.sample)\n[program:db]\ncommand=db\npriority=1\n"
            try check(rule, .supervisord, text)
        }
    }

    @Test("Every row of the supervisord main section has the fate that it states")
    func supervisordMain() throws {
        for rule in Self.table(.supervisord, "[supervisord]").rules {
            try check(rule, .supervisord, "[supervisord]\n\(rule.key)=\(rule.sample)\n[program:db]\ncommand=db\n")
        }
    }

    @Test("Every row of the systemd tables has the fate that it states")
    func systemd() throws {
        for section in ["Unit", "Service", "Install"] {
            for rule in Self.table(.systemd, "[\(section)]").rules {
                let others = rule.key == "StandardInput" ? "" : "Type=simple\n"
                let start = rule.key == "ExecStart" ? "" : "ExecStart=/web\n"
                let own = rule.key == "Type" ? "" : others
                let text =
                    section == "Service"
                    ? "[Service]\n\(own)\(start)\(rule.key)=\(rule.sample)\n"
                    : "[\(section)]\n\(rule.key)=\(rule.sample)\n[Service]\nExecStart=/web\n"
                let files = [("web.service", text), ("db.service", "[Service]\nExecStart=/db\n")]
                try check(rule, .systemd, files)
            }
        }
        for rule in Self.table(.systemd, "[Timer]").rules {
            let calendar = rule.key.hasPrefix("OnUnit") || rule.key == "OnCalendar" ? "" : "OnCalendar=daily\n"
            let text = "[Timer]\n\(calendar)\(rule.key)=\(rule.sample)\n"
            try check(rule, .systemd, [("backup.service", "[Service]\nExecStart=/x\n"), ("backup.timer", text)])
        }
        for rule in Self.table(.systemd, "[Socket]").rules {
            let text = "[Socket]\n\(rule.key)=\(rule.sample)\n"
            try check(rule, .systemd, [("web.service", "[Service]\nExecStart=/x\n"), ("web.socket", text)])
        }
    }

    @Test("Every row of the compose tables has the fate that it states")
    func compose() throws {
        let db = "  db: {command: [db]}\n"
        for rule in Self.table(.compose, "top level").rules {
            try check(rule, .compose, "\(rule.key): \(rule.sample)\nservices:\n\(db)")
        }
        for rule in Self.table(.compose, "services.NAME").rules {
            let own = ["command", "entrypoint"].contains(rule.key) ? "" : "command: [web], "
            let text = "services:\n\(db)  web: {\(own)\(rule.key): \(rule.sample)}\n"
            try check(rule, .compose, text)
        }
        for rule in Self.table(.compose, "healthcheck").rules {
            let own = rule.key == "test" ? "" : "test: [CMD, true], "
            let text = "services: {web: {command: [web], healthcheck: {\(own)\(rule.key): \(rule.sample)}}}\n"
            try check(rule, .compose, text)
        }
        for rule in Self.table(.compose, "deploy").rules {
            try check(rule, .compose, "services: {web: {command: [web], deploy: {\(rule.key): \(rule.sample)}}}\n")
        }
    }

    @Test("Every row of the process-compose tables has the fate that it states")
    func processCompose() throws {
        for rule in Self.table(.processCompose, "top level").rules {
            try check(rule, .processCompose, "\(rule.key): \(rule.sample)\nprocesses: {db: {command: db}}\n")
        }
        for rule in Self.table(.processCompose, "processes.NAME").rules {
            let own = ["command", "entrypoint"].contains(rule.key) ? "" : "command: web, "
            let text = "processes: {db: {command: db}, web: {\(own)\(rule.key): \(rule.sample)}}\n"
            try check(rule, .processCompose, text)
        }
        for rule in Self.table(.processCompose, "availability").rules + Self.table(.processCompose, "shutdown").rules {
            let isShutdown = Self.table(.processCompose, "shutdown")[rule.key] != nil
            let map = isShutdown ? "shutdown" : "availability"
            let text = "processes: {web: {command: web, \(map): {\(rule.key): \(rule.sample)}}}\n"
            try check(rule, .processCompose, text)
        }
        for rule in Self.table(.processCompose, "readiness_probe and liveness_probe").rules {
            let own = ["exec", "http_get"].contains(rule.key) ? "" : "exec: {command: \"true\"}, "
            let text = "processes: {web: {command: web, liveness_probe: {\(own)\(rule.key): \(rule.sample)}}}\n"
            try check(rule, .processCompose, text)
        }
    }

    @Test("Every row of the zinit table has the fate that it states")
    func zinit() throws {
        for rule in Self.table(.zinit, "NAME.yaml").rules {
            let own = rule.key == "exec" ? "" : "exec: web\n"
            let files = [("web.yaml", "\(own)\(rule.key): \(rule.sample)\n"), ("db.yaml", "exec: db\n")]
            try check(rule, .zinit, files)
        }
    }

    private static func table(_ format: ImportFormat, _ section: String) -> KeyTable {
        format.tables.first { $0.section == section } ?? format.tables[0]
    }

    private func check(_ rule: KeyRule, _ format: ImportFormat, _ text: String) throws {
        try check(rule, format, [("input", text)])
    }

    private func check(_ rule: KeyRule, _ format: ImportFormat, _ files: [(path: String, text: String)]) throws {
        let report = try ImportCheck.convert(format, files, accepted: Set(LossCode.allCases)).report
        let codes = report.items.filter { item in
            item.key.split { " .".contains($0) }.contains { $0 == rule.key }
        }.map(\.code)
        if rule.code == .exact {
            #expect(codes == [], "\(rule.key): \(report.text)")
        } else {
            #expect(codes.contains(rule.code), "\(rule.key): \(report.text)")
        }
    }
}
