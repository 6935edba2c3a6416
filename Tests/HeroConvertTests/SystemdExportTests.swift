import Foundation
import HeroConvert
import HeroManifest
import HeroModel
import Testing

@Suite("Export to systemd")
struct SystemdExportTests {
    private static let text = """
        kind: Settings
        required: []
        ---
        kind: Service
        name: db
        description: The database, 100% local
        user: postgres
        actions:
          - {name: prepare, script: "mkdir -p /tmp/db\\necho \\"$HOME\\""}
          - name: main
            is_process: true
            exec: [/bin/sleep, "50%", "$HOME", "two words", "a\\"b\\\\"]
            ready: {notify: true}
            limits: {nofile: {soft: 1024, hard: unlimited}, memory: 1GiB, cpu: 0.5}
            capabilities: [NET_BIND_SERVICE]
            nice: 5
        ---
        kind: Service
        name: web
        requires: [db]
        exec: [/bin/true, --port, "80"]
        env: {A: "x y", TOKEN: {from_file: secret}}
        tcp_ports: [80]
        stop: {signal: INT, timeout: 55s, to: tree}
        retry: {max_attempts: 4, delay: 1s, factor: 1}
        ---
        kind: Service
        name: setup
        is_process: false
        cwd: /bin
        exec: [./true]
        ---
        kind: Action
        name: backup
        exec: [/bin/true]
        schedule: {cron: "*/15 2-4 1 * mon-fri"}
        """

    static func export() throws -> ImportResult {
        let file = ManifestFile(path: "a.yaml", baseDirectory: "/srv", bytes: Array(text.utf8))
        let result = Manifests.read([file])
        let desired = try #require(result.desired, "\(result.diagnostics.map(\.message))")
        return SystemdExport.convert(desired, names: [])
    }

    @Test("Services become units with their commands, limits and dependencies")
    func writesUnits() throws {
        let result = try Self.export()
        let units = Dictionary(uniqueKeysWithValues: result.files.map { ($0.name, $0.text) })
        #expect(Set(units.keys) == ["db.service", "web.service", "setup.service", "backup.service", "backup.timer"])
        let database = try #require(units["db.service"])
        #expect(database.contains("ExecStart=/bin/sleep 50%% $$HOME \"two words\" \"a\\\"b\\\\\"\n"), "\(database)")
        #expect(database.contains("Type=notify\n"))
        #expect(database.contains("LimitNOFILE=1024:infinity\nMemoryMax=1073741824\nCPUQuota=50%\n"), "\(database)")
        #expect(
            database.contains("ExecStartPre=/bin/sh -c \"mkdir -p /tmp/db\\necho \\\"$$HOME\\\"\"\n"),
            "\(database)"
        )
        #expect(database.contains("AmbientCapabilities=CAP_NET_BIND_SERVICE\n"))
        #expect(database.contains("Description=The database, 100%% local\n"))
        let web = try #require(units["web.service"])
        #expect(web.contains("Requires=db.service\nAfter=db.service\n"), "\(web)")
        #expect(web.contains("StartLimitBurst=4\n"))
        #expect(web.contains("KillSignal=SIGINT\nTimeoutStopSec=55s\nKillMode=control-group\n"), "\(web)")
        #expect(!web.contains("TOKEN"))
        #expect(units["setup.service"]?.contains("ExecStart=/bin/./true\n") == true)
        let timer = try #require(units["backup.timer"])
        #expect(timer.contains("OnCalendar=*-*-1 2..4:0/15:00 UTC\n"), "\(timer)")
        #expect(timer.contains("OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 2..4:0/15:00 UTC\n"), "\(timer)")
        #expect(result.report.items.contains { $0.key == "web.env" && $0.code == .credentials && $0.line == 22 })
        #expect(result.report.items.contains { $0.key == "web.tcp_ports" && $0.code == .noCounterpart })
    }

    @Test("The checker of systemd accepts every exported unit, where it is installed")
    func passesChecker() throws {
        let checker = "/usr/bin/systemd-analyze"
        guard FileManager.default.isExecutableFile(atPath: checker) else { return }
        let folder = FileManager.default.temporaryDirectory.appending(path: "units-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var paths: [String] = []
        for file in try Self.export().files {
            let path = folder.appending(path: file.name)
            try Data(file.text.utf8).write(to: path)
            paths.append(path.path)
        }
        let process = Process()
        process.executableURL = URL(filePath: checker)
        process.arguments = ["verify"] + paths
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: output, as: UTF8.self)
        let own = text.split(separator: "\n").filter { line in paths.contains { line.contains($0) } }
        #expect(own.isEmpty, "\(text)")
    }

    @Test("An exported unit can be imported again with the same command and dependencies")
    func survivesRoundTrip() throws {
        let files = try Self.export().files.map { ImportFile(path: $0.name, bytes: Array($0.text.utf8)) }
        let result = try Importer.convert(ImportRequest(.systemd, files, accepted: Set(LossCode.allCases)))
        let services = ImportCheck.services(result)
        #expect(services["web"]?.requires.map(\.name) == ["db"])
        let main = try #require(services["db"]?.actions.last)
        #expect(main.program == .exec(["/bin/sleep", "50%", "$HOME", "two words", "a\"b\\"]))
        #expect(services["web"]?.actions.first?.stop.timeout == .seconds(55))
    }
}
