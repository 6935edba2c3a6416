import HeroConvert
import HeroModel
import Testing

@Suite("Import of systemd")
struct SystemdImportTests {
    private static let engine: [(path: String, text: String)] = [
        (
            "engine.service",
            """
            [Unit]
            Description=Container engine
            After=network-online.target dns.service engine.socket
            Requires=engine.socket
            StartLimitBurst=3
            StartLimitIntervalSec=60

            [Service]
            Type=notify
            ExecStartPre=-/sbin/modprobe overlay
            ExecStart=/usr/bin/engine -H fd:// --log $LEVEL
            Environment="LEVEL=info debug" A=1
            ExecReload=/bin/kill -s HUP $MAINPID
            TimeoutStartSec=0
            TimeoutStopSec=infinity
            RestartSec=2
            Restart=always
            LimitNOFILE=infinity
            OOMScoreAdjust=-500
            Delegate=yes
            KillMode=process
            """
        ),
        ("engine.socket", "[Socket]\nListenStream=/run/engine.sock\n"),
    ]

    @Test("An engine whose containers outlive it is refused without an explicit word")
    func refusesEngine() throws {
        let refused = try ImportCheck.convert(.systemd, Self.engine)
        #expect(Set(refused.report.refused.map(\.code)) == [.killsChildren, .socketActivation])
        let accepted = try ImportCheck.convert(.systemd, Self.engine, accepted: [.killsChildren, .socketActivation])
        #expect(accepted.report.refused.isEmpty)
        #expect(accepted.report.hasLosses)
        let text = ImportCheck.text(accepted)
        #expect(text.contains("nofile: unlimited"), "\(text)")
        #expect(text.contains("exec /usr/bin/engine -H fd:// --log $LEVEL"), "\(text)")
        #expect(text.contains("/sbin/modprobe overlay || true"), "\(text)")
        #expect(text.contains("max_attempts: 3"), "\(text)")
        #expect(accepted.report.codes("ExecReload") == [.reloadCommand])
        #expect(accepted.report.codes("After").contains(.outsideReference))
    }

    @Test("A timer turns its service into an action with a schedule and one sandbox line")
    func convertsTimer() throws {
        let result = try ImportCheck.convert(
            .systemd,
            [
                (
                    "backup.service",
                    """
                    [Unit]
                    ConditionPathExists=/srv
                    [Service]
                    Type=oneshot
                    ExecStart=/usr/bin/backup "two words" %p
                    LoadCredential=key:/etc/key
                    Nice=19
                    IOSchedulingClass=idle
                    ProtectSystem=strict
                    PrivateTmp=yes
                    CapabilityBoundingSet=CAP_DAC_READ_SEARCH
                    """
                ),
                (
                    "backup.timer",
                    "[Timer]\nOnCalendar=*-*-* 04:30:00\nRandomizedDelaySec=3h\nPersistent=true\n"
                        + "[Install]\nWantedBy=timers.target\n"
                ),
            ]
        )
        let text = ImportCheck.text(result)
        #expect(text.contains("kind: Action\nname: backup\n"), "\(text)")
        #expect(text.contains("schedule: {cron: \"30 4 * * *\", jitter: 3h, catch_up: true}"), "\(text)")
        #expect(text.contains("exec: [/usr/bin/backup, two words, backup]"), "\(text)")
        #expect(result.report.items.filter { $0.code == .sandbox }.count == 1)
        #expect(text.contains("ProtectSystem, PrivateTmp, CapabilityBoundingSet"), "\(text)")
        #expect(result.report.codes("OnCalendar") == [.scheduleTimes])
        #expect(result.report.codes("LoadCredential") == [.credentials])
    }

    @Test("Dependencies between units keep their order and strength")
    func convertsDependencies() throws {
        let result = try ImportCheck.convert(
            .systemd,
            [
                (
                    "web.service",
                    "[Unit]\nRequires=db.service\nAfter=db.service cache.service\n[Service]\nExecStart=/web\n"
                ),
                ("db.service", "[Service]\nType=forking\nPIDFile=db.pid\nExecStart=/db\nRestart=on-failure\n"),
                ("cache.service", "[Unit]\nBefore=db.service\nWants=db.service\n[Service]\nExecStart=/cache\nUser=c\n"),
                ("db.service.d/local.conf", "[Service]\nExecStart=\nExecStart=/opt/db\nEnvironment=TOKEN=abc\n"),
            ]
        )
        let services = ImportCheck.services(result)
        #expect(services["web"]?.requires.map(\.name) == ["db"])
        #expect(services["web"]?.after.map(\.name) == ["cache"])
        let text = ImportCheck.text(result)
        #expect(text.contains("exec: [/opt/db]"), "\(text)")
        #expect(text.contains("pid_file: /run/db.pid"), "\(text)")
        #expect(text.contains("TOKEN: {from_file: secrets/TOKEN}"), "\(text)")
        #expect(!text.contains("abc"))
        #expect(result.report.items.contains { $0.code == .dependencyCycle }, "\(text)")
    }

    @Test(
        "A calendar expression of systemd becomes the cron expression with the same times",
        arguments: [
            ("daily", "0 0 * * *"), ("Mon..Fri 04:00", "0 4 * * 1-5"), ("*-*-* *:0/15", "*/15 * * * *"),
            ("*-*-01 02:30:00", "30 2 1 * *"), ("Sat,Sun 20:00", "0 20 * * 6,0"), ("*:00:00", "0 * * * *"),
            ("*-*-* 00/6:00:00", "0 */6 * * *"), ("quarterly", "0 0 1 1,4,7,10 *"),
            ("Mon *-*-1..7 03:00", ""), ("*-*~1 03:00", ""), ("2030-01-01", ""), ("*-*-* *:*:0/10", ""),
        ]
    )
    func convertsCalendars(_ calendar: String, _ cron: String) throws {
        let result = try ImportCheck.convert(
            .systemd,
            [
                ("a.service", "[Service]\nType=oneshot\nExecStart=/a\n"),
                ("a.timer", "[Timer]\nOnCalendar=\(calendar)\n"),
            ]
        )
        let text = ImportCheck.text(result)
        if cron.isEmpty {
            #expect(result.report.codes("OnCalendar") == [.noCounterpart], "\(text)")
        } else {
            #expect(text.contains("cron: \"\(cron)\""), "\(text)")
        }
    }
}
