import Foundation
import Glibc
import Testing

@Suite("Readiness by a file descriptor")
struct ReadyDescriptorTests {
    private func manifest(_ name: String, _ number: Int, _ script: String) -> String {
        let lines = script.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        return "kind: Service\nname: \(name)\ninterpreter: bash\nscript: |\n\(lines)\nready: {fd: \(number)}\n"
    }

    @Test("A program is up when it has written a newline to its descriptor", arguments: [3, 4, 5, 9, 64])
    func writesNewline(_ number: Int) async throws {
        try await TestHost.with { host in
            let script = """
                ls /proc/$$/fd; echo end
                while test ! -e \(host.root)/go; do sleep 0.02; done
                printf 'almost' >&\(number); echo >&\(number)
                exec \(number)>&-
                exec sleep 1000
                """
            try host.writeManifest("web.yaml", manifest("web", number, script))
            #expect(try await host.run("apply", "--no-wait").exitCode == 0)
            try await eventually("the program runs") { try await host.run("logs", "web").output.contains("end") }
            #expect(try await host.state(of: "web") == "starting")
            // bash reads its script from 255; the lock has another number.
            let output = try await host.run("logs", "web").output
            let descriptors = Set(output.split(separator: "\n").compactMap { Int($0) })
            let lock = number == 3 ? 4 : 3
            #expect(descriptors.subtracting([255]) == [0, 1, 2, lock, number], "\(descriptors)")
            try Data().write(to: URL(filePath: host.root + "/go"))
            try await eventually("the service is up") { try await host.state(of: "web") == "running" }
            try await host.expectEmptyDiff()
        }
    }

    @Test("A message that is written while no reconciler is running is not lost")
    func messageWithoutReconciler() async throws {
        try await TestHost.with { host in
            let script = """
                while test ! -e \(host.root)/go; do sleep 0.02; done
                echo >&7; touch \(host.root)/done
                exec sleep 1000
                """
            try host.writeManifest("web.yaml", manifest("web", 7, script))
            #expect(try await host.run("apply", "--no-wait").exitCode == 0)
            try await eventually("the program is starting") { try await host.state(of: "web") == "starting" }
            try await host.killReconciler()
            try Data().write(to: URL(filePath: host.root + "/go"))
            try await eventually("the message is written") { access(host.root + "/done", F_OK) == 0 }
            _ = try host.startReconciler()
            try await eventually("the service is up") { try await host.state(of: "web") == "running" }
        }
    }

    @Test("A program that writes no newline is not up, and the reason names the descriptor")
    func noNewline() async throws {
        try await TestHost.with { host in
            let text = manifest("web", 7, "printf almost >&7\nexec sleep 1000") + "start_timeout: 1s\n"
            try host.writeManifest("web.yaml", text)
            #expect(try await host.run("apply", "--timeout", "20s").exitCode == 1)
            let why = try await host.run("why", "web").output
            #expect(why.contains("descriptor 7"), "\(why)")
        }
    }
}
