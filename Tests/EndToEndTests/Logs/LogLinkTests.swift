import Foundation
import Glibc
import Testing

@Suite("Links to logs")
struct LogLinkTests {
    /// Returns the target of a link; nil if there is none.
    private func target(_ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    private func web(_ host: TestHost, link: String) -> String {
        """
        kind: Service
        name: web
        tags: [old]
        exec: [sh, -c, "echo hello; exec sleep 1000"]
        log: {link: \(link)}
        """
    }

    @Test("A link leads to the current log until its job is removed")
    func linkFollowsTheLog() async throws {
        try await TestHost.with { host in
            let (first, second) = (host.root + "/web.log", host.root + "/other.log")
            try host.writeManifest("web.yaml", web(host, link: first))
            try await host.apply()
            try await eventually("the link leads to the log") { host.readText(first).contains("hello") }
            try await host.expectEmptyDiff()
            let log = target(first)
            let pid = try await host.actionStatus("web", "main")["pid"] as? Int

            try host.writeManifest("web.yaml", web(host, link: second))
            try await host.apply()
            try await eventually("the link has moved") { target(second) == log && target(first) == nil }
            let pidAfterwards = try await host.actionStatus("web", "main")["pid"] as? Int
            #expect(pid != nil && pidAfterwards == pid)

            // The link that another job has made meanwhile is not removed with the first job.
            try host.writeManifest("web.yaml", web(host, link: second) + "\ngeneration: 1\n")
            try await host.apply()
            try await eventually("the link leads to the log of the new job") {
                target(second).map { $0 != log } == true && host.readText(second).contains("hello")
            }
            try host.writeManifest("web.yaml", web(host, link: second) + "\nstatus: stop\n")
            try await host.apply()
            #expect(target(second) != nil)
            #expect(try await host.run("jobs", "cleanup", "--tag", "old").exitCode == 0)
            try await eventually("the link is removed with its job") { target(second) == nil }
        }
    }

    @Test("A file at the place of a link is left alone, with a warning")
    func fileAtThePlaceOfTheLink() async throws {
        try await TestHost.with { host in
            let (file, foreign) = (host.root + "/web.log", host.root + "/foreign.log")
            try Data("mine\n".utf8).write(to: URL(filePath: file))
            symlink("/etc/hostname", foreign)
            try host.writeManifest("web.yaml", web(host, link: file))
            try host.writeManifest("api.yaml", web(host, link: foreign).replacing("name: web", with: "name: api"))
            try await host.apply()
            _ = try await host.waitForEvent("warning", "log.link: \(file) exists and is not a link")
            _ = try await host.waitForEvent("warning", "log.link: \(foreign) is a link to /etc/hostname")
            #expect(host.readText(file) == "mine\n")
            #expect(target(foreign) == "/etc/hostname")
            try await host.expectEmptyDiff()
        }
    }

    @Test("A service of another user can read its log through its link", .enabled(if: geteuid() == 0))
    func otherUserReadsItsLog() async throws {
        try await TestHost.with { host in
            chmod(host.root, 0o711)
            let folder = host.root + "/logs-of-web"
            mkdir(folder, 0o755)
            chown(folder, 4242, 4242)
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                user: "4242"
                group: "4242"
                script: |
                  echo hello
                  until grep -q hello "$LINK"; do sleep 0.05; done
                  echo "found by $(id -u)"
                  exec sleep 1000
                env: {LINK: "\(folder)/web.log"}
                log: {link: "\(folder)/web.log"}
                """
            )
            try await host.apply()
            try await eventually("the service has read its own log") {
                try await host.run("logs", "web").output.contains("found by 4242")
            }
            var link = stat()
            #expect(lstat(folder + "/web.log", &link) == 0 && link.st_uid == 4242)
            var log = stat()
            #expect(stat(folder + "/web.log", &log) == 0 && log.st_gid == 4242 && log.st_mode & 0o777 == 0o640)
            // Other users can neither list nor read the logs.
            var directory = stat()
            #expect(stat(host.logDirectory, &directory) == 0 && directory.st_mode & 0o777 == 0o711)
        }
    }
}
