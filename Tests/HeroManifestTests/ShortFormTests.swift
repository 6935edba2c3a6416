import HeroModel
import Testing

@testable import HeroManifest

@Suite("Short form of a service")
struct ShortFormTests {
    private func read(_ keys: String) throws -> ServiceSpec {
        let text = "kind: Service\nname: web\n" + keys
        let file = ManifestFile(path: "web.yaml", baseDirectory: "/srv", bytes: Array(text.utf8))
        let result = Manifests.read([file], options: ManifestOptions(requiresCore: false))
        #expect(result.diagnostics.isEmpty, "\(GoldenText.diagnostics(result.diagnostics))")
        return try #require(result.desired?.services.values.first).spec
    }

    @Test(
        "The short form of a service equals a service with the process `main`",
        arguments: [
            ("exec: [web]", "[{name: main, is_process: true, exec: [web]}]", ""),
            ("script: web", "[{name: main, is_process: true, script: web}]", ""),
            ("exec: [web]\nis_process: false", "[{name: main, exec: [web]}]", ""),
            (
                "exec: [web]\nstop: {signal: INT, remove_jobs: true}",
                "[{name: main, is_process: true, exec: [web], stop: {signal: INT}}]", "stop: {remove_jobs: true}"
            ),
            (
                "exec: [web]\nenv: {A: 1}\nuser: www\ngeneration: 3\ntags: [a]",
                "[{name: main, is_process: true, exec: [web]}]",
                "env: {A: 1}\nuser: www\ngeneration: 3\ntags: [a]"
            ),
        ]
    )
    func equalsLongForm(_ short: String, _ actions: String, _ keys: String) throws {
        #expect(try read(short) == read("actions: \(actions)\n\(keys)"))
    }

    @Test(
        "Keys of the only action may move between service and action without a change",
        arguments: [
            ("exec: [web]\nenv: {A: 1}", "[{name: main, is_process: true, exec: [web], env: {A: 1}}]", "", true),
            ("exec: [web]\nenv: {A: 1}", "[{name: main, is_process: true, exec: [web], env: {A: 2}}]", "", false),
            (
                "exec: [web]\nenv: {A: 1}", "[{name: main, is_process: true, exec: [web], env: {A: 1}}]", "env: {A: 2}",
                true
            ),
            (
                "exec: [web]\nenv: {A: 1}\nenv_file: [a, b]",
                "[{name: main, is_process: true, exec: [web], env: {A: 1}, env_file: [b]}]", "env_file: [a]", true
            ),
            // The variable of the service is weaker than the file of the action.
            (
                "exec: [web]\nenv: {A: 1}\nenv_file: [a]",
                "[{name: main, is_process: true, exec: [web], env_file: [a]}]", "env: {A: 1}", false
            ),
            (
                "exec: [web]\ncwd: /a\nuser: u\ngroup: g\ngeneration: 2\ntags: [t]\ndescription: d",
                "[{name: main, is_process: true, exec: [web], cwd: /a, user: u, group: g, generation: 2, tags: [t], "
                    + "description: d}]", "", true
            ),
            ("exec: [web]\nuser: u", "[{name: main, is_process: true, exec: [web], user: u}]", "user: v", true),
            ("exec: [web]\ngeneration: 2", "[{name: main, is_process: true, exec: [web], generation: 1}]", "", false),
            ("exec: [web]\nenv: {A: 1}", "[{name: other, is_process: true, exec: [web], env: {A: 1}}]", "", false),
        ]
    )
    func keysMove(_ short: String, _ actions: String, _ keys: String, _ isSame: Bool) throws {
        let (left, right) = try (CanonicalSpec(read(short)), CanonicalSpec(read("actions: \(actions)\n\(keys)")))
        for (before, after) in [(left, right), (right, left)] {
            let values = CanonicalSpec.comparableValues(before, after)
            #expect((values.before == values.after) == isSame, "\(left.text)\(right.text)")
        }
    }

    @Test("A field of the short form has the place where it is written")
    func places() throws {
        let text = "kind: Service\nname: web\nexec: [web]\nstop: {timeout: 3s}\nenv: {A: 1}\n"
        let file = ManifestFile(path: "web.yaml", baseDirectory: "/srv", bytes: Array(text.utf8))
        let declared = try #require(
            Manifests.read([file], options: ManifestOptions(requiresCore: false)).desired?.services.values.first
        )
        let lines = ["actions.main.exec": 3, "actions.main.stop.timeout": 4, "env.A": 5, "actions.main": 3]
        for (path, line) in lines { #expect(declared.location(of: path).line == line, "\(path)") }
    }
}
