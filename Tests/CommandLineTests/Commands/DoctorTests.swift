import Foundation
import Glibc
import HeroLinux
import Testing

/// Checks the command `doctor` on this machine (OB-4).
///
/// The expected results do not depend on the machine.
@Suite("Doctor")
struct DoctorTests {
    private static let validManifest =
        "kind: Service\nname: web\nactions: [{name: run, exec: [sleep, \"1000\"], is_process: true}]\n"

    /// The marks of the checks by their codes.
    private func marks(_ answer: CommandResult) -> [String: String] {
        let checks = answer.json["checks"] as? [[String: Any]] ?? []
        return Dictionary(
            checks.compactMap { check in
                guard let code = check["code"] as? String, let mark = check["mark"] as? String else { return nil }
                return (code, mark)
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    @Test("OB-4: Doctor changes nothing and exits with the same code in every format")
    func changesNothing() async throws {
        try await Sandbox.with { sandbox in
            try sandbox.writeManifest("web.yaml", Self.validManifest)
            let before = try FileManager.default.subpathsOfDirectory(atPath: sandbox.servicesDirectory)
            let json = try await sandbox.run("doctor", "-o", "json")
            let text = try await sandbox.run("doctor")
            #expect(json.exitCode == text.exitCode && json.exitCode == (json.json["healthy"] as? Bool == true ? 0 : 1))
            let marks = marks(json)
            for code in ["pidfd", "state_dir", "run_dir", "services_dir", "hpshim", "set", "core", "boot_id"] {
                #expect(marks[code] == "fine", "\(code): \(json.output)")
            }
            #expect(marks["reconciler"] == "warning")
            #expect(text.output.split(separator: "\n").last?.hasSuffix(".") == true)
            #expect(!sandbox.hasState)
            #expect(access(sandbox.paths.run, F_OK) != 0)
            #expect(try FileManager.default.subpathsOfDirectory(atPath: sandbox.servicesDirectory) == before)
        }
    }

    @Test("OB-4: Doctor names what is missing and exits with 1")
    func namesMissing() async throws {
        try await Sandbox.with { sandbox in
            try sandbox.writeManifest("web.yaml", Self.validManifest)
            let cases: [(code: String, environment: [String: String], prepare: () throws -> Void)] = [
                ("hpshim", ["HEROPROC_SHIM": "/no/such/hpshim"], {}),
                ("hpshim", ["HEROPROC_SHIM": "/bin/true"], {}),
                ("core", ["HERO_PROC_NO_AUTOSTART_DB": ""], {}),
                ("services_access", [:], { chmod(sandbox.servicesDirectory, 0o777) }),
                ("set", [:], { try sandbox.writeManifest("web.yaml", Self.validManifest + "requird: true\n") }),
                ("services_dir", ["HEROPROC_DIR": sandbox.servicesDirectory + "/none"], {}),
                ("state_dir", ["HEROPROC_STATE": sandbox.servicesDirectory + "/web.yaml/none"], {}),
            ]
            for one in cases {
                try one.prepare()
                let answer = try await sandbox.run("doctor", "-o", "json", environment: one.environment)
                #expect(answer.exitCode == 1, "\(one.code)")
                #expect(marks(answer)[one.code] == "missing", "\(one.code): \(answer.output)")
                chmod(sandbox.servicesDirectory, 0o700)
                try sandbox.writeManifest("web.yaml", Self.validManifest)
            }
        }
    }

    @Test("OB-4: Doctor finds a running reconciler and does not block on a FIFO")
    func findsReconciler() async throws {
        try await Sandbox.with { sandbox in
            try sandbox.writeManifest("web.yaml", Self.validManifest)
            #expect(try await sandbox.run("apply").exitCode == 0)
            #expect(marks(try await sandbox.run("doctor", "-o", "json"))["reconciler"] == "fine")
            let fifo = sandbox.servicesDirectory + "/../fifo"
            try #require(mkfifo(fifo, 0o600) == 0)
            #expect(try await sandbox.run("doctor", "-o", "json", environment: ["HEROPROC_STATE": fifo]).exitCode == 1)
        }
    }
}
