import Foundation
import Testing

/// The bases of `diff --against`: a commit, a directory, a recorded revision.
@Suite("Diff --against")
struct DiffAgainstTests {
    private static let twoServices = [
        "base.yaml": Sandbox.service("base", "env: {PORT: 1}"),
        "web.yaml": Sandbox.service("web", "requires: [base]"),
    ]
    private static let changedBase = Sandbox.service("base", "env: {PORT: 2}")

    /// The formats with expected texts, when base restarts and web restarts with it.
    private static let formats: [(name: String, texts: [String])] = [
        ("text", ["± core/base", "± core/web", "base.yaml:3", "Plan: 2 to restart."]),
        ("json", ["\"restart\": 2", "\"against\": \"git:main\""]),
        (
            "markdown",
            ["| `±` | `core/web` | restart |", "<details><summary>Fields (1)</summary>", "`services.d/base.yaml:3`"]
        ),
        (
            "github",
            ["::warning file=services.d/base.yaml,line=3,", "title=core/web will restart::", "Plan: 2 to restart."]
        ),
    ]

    @Test(
        "Diff against a git branch shows the restarts in every format without any state"
    )
    func comparesWithGitBranch() async throws {
        try await Sandbox.with(Self.twoServices) { sandbox in
            try await sandbox.makeRepository()
            for (format, texts) in Self.formats {
                let same = try await sandbox.run("diff", "--against", "git:main", "-o", format)
                #expect(same.exitCode == 0, "\(format): \(same.errorOutput)")
                try sandbox.writeManifest("base.yaml", Self.changedBase)
                let differs = try await sandbox.run("diff", "--against", "git:main", "-o", format)
                #expect(differs.exitCode == 1, "\(format)")
                for text in texts { #expect(differs.output.contains(text), "\(format): \(differs.output)") }
                #expect(differs.errorOutput == "")
                try sandbox.writeManifest("base.yaml", "kind: Service\nname: Base\n")
                let invalid = try await sandbox.run("diff", "--against", "git:main", "-o", format)
                #expect(invalid.exitCode == 2, "\(format)")
                #expect(invalid.errorOutput.contains("services.d/base.yaml:2:"))
                #expect(format == "text" || invalid.output.contains("base.yaml"), "\(format): \(invalid.output)")
                try sandbox.writeManifest("base.yaml", Self.twoServices["base.yaml"] ?? "")
            }
            #expect(!sandbox.hasState)
        }
    }

    @Test("Diff reads subdirectories, removed files, tags and commits of a git base")
    func readsGitTree() async throws {
        let relative = Sandbox.service("deep", "cwd: ./data")
        try await Sandbox.with(Self.twoServices) { sandbox in
            try await sandbox.shell("mkdir -p services.d/more")
            try sandbox.writeManifest("more/deep.yaml", relative)
            try sandbox.writeManifest("notes.txt", "not a manifest")
            try sandbox.writeManifest(".hidden.yaml", "kind: Nothing")
            try await sandbox.makeRepository()
            try await sandbox.shell("git tag -a -m one v1")
            for ref in ["main", "HEAD", "v1", "origin/main", "main~0"] {
                #expect(try await sandbox.run("diff", "--against", "git:\(ref)").exitCode == 0, "\(ref)")
            }
            sandbox.removeManifest("more/deep")
            let gone = try await sandbox.run("diff", "--against", "git:v1")
            #expect(gone.exitCode == 1)
            #expect(gone.output.contains("- core/deep  stop"))
            try await sandbox.shell("git checkout -q . && mkdir other && git mv services.d other/services.d")
            let moved = try await sandbox.run("diff", "--against", "git:main", "--dir", "other/services.d")
            #expect(moved.exitCode == 1)
            #expect(moved.errorOutput.contains("other/services.d has no manifests at main: every service is new"))
            #expect(moved.output.contains("Plan: 3 to start."))
        }
    }

    @Test("An unusable git base exits with 2 and a help text")
    func explainsGitErrors() async throws {
        try await Sandbox.with(Self.twoServices) { sandbox in
            func refused(_ ref: String, _ texts: String..., environment: [String: String] = [:]) async throws {
                let answer = try await sandbox.run("diff", "--against", "git:\(ref)", environment: environment)
                #expect(answer.exitCode == 2)
                #expect(answer.errorOutput.hasPrefix("error: cannot compare with git:\(ref): "))
                for text in texts { #expect(answer.errorOutput.contains(text), "\(answer.errorOutput)") }
            }
            try await refused("main", "services.d is not in a git work tree", "--against dir:PATH")
            try await sandbox.makeRepository()
            try await refused("unknown", "no such branch, tag or commit", "git branch --all")
            try await refused("origin/new", "`git fetch origin new`")
            try await refused("--output=owned", "it is not the name of a commit")
            try await refused("a b", "it is not the name of a commit")
            try await refused("main:services.d", "no such branch")
            try await refused("main", "the program `git` is not installed", environment: ["PATH": sandbox.root])
            // Git hooks set this variable for their own repository.
            let inHook = try await sandbox.run("diff", "--against", "git:main", environment: ["GIT_DIR": "/nowhere"])
            #expect(inHook.exitCode == 0)

            try await sandbox.shell(
                """
                git commit -q --allow-empty -m two
                git clone -q --depth 1 "file://$PWD" shallow
                """
            )
            let shallow = try await sandbox.run("diff", "--against", "git:origin/main", "--dir", "shallow/services.d")
            #expect(shallow.exitCode == 2)
            #expect(shallow.errorOutput.contains("this shallow clone does not contain the commit"))
            #expect(shallow.errorOutput.contains("fetch-depth: 0"))
        }
    }

    @Test("Invalid manifests in the base are reported with base, file and line")
    func reportsInvalidBase() async throws {
        try await Sandbox.with(["web.yaml": "kind: Service\nname: Web\n"]) { sandbox in
            try await sandbox.makeRepository()
            try sandbox.writeManifest("web.yaml", Sandbox.service("web"))
            for (base, place) in [("git:main", "main:services.d/web.yaml:2:"), ("dir:old", "old/web.yaml:2:")] {
                if base == "dir:old" {
                    try await sandbox.shell("mkdir old && git show main:services.d/web.yaml > old/web.yaml")
                }
                let answer = try await sandbox.run("diff", "--against", base)
                #expect(answer.exitCode == 2)
                #expect(answer.errorOutput.contains("cannot compare with \(base): the manifests there have errors"))
                #expect(answer.errorOutput.contains(place), "\(answer.errorOutput)")
            }
        }
    }

    @Test("Diff against a directory reads it as if it were the services directory")
    func comparesWithDirectory() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web", "cwd: ./data")]) { sandbox in
            try await sandbox.shell("cp -r services.d old")
            #expect(try await sandbox.run("diff", "--against", "dir:old").exitCode == 0)
            #expect(try await sandbox.run("diff", "--against", "dir:\(sandbox.root)/old/").exitCode == 0)
            try sandbox.writeManifest("web.yaml", Sandbox.service("web", "cwd: ./other"))
            let differs = try await sandbox.run("diff", "--against", "dir:old")
            #expect(differs.output.contains("cwd") && differs.output.contains("Plan: 1 to restart."))
            #expect(!sandbox.hasState)
        }
    }

    @Test("The github format appends the plan to the job summary")
    func writesJobSummary() async throws {
        try await Sandbox.with(Self.twoServices) { sandbox in
            try await sandbox.shell("echo before > summary.md")
            let environment = ["GITHUB_STEP_SUMMARY": sandbox.root + "/summary.md"]
            #expect(try await sandbox.run("diff", "-o", "github", environment: environment).exitCode == 1)
            let text = sandbox.readText(sandbox.root + "/summary.md")
            #expect(text.hasPrefix("before\n<!-- heroproc plan -->\n### heroproc: 2 to start."))
            let unwritable = ["GITHUB_STEP_SUMMARY": sandbox.root]
            let answer = try await sandbox.run("diff", "-o", "github", environment: unwritable)
            #expect(answer.exitCode == 1)
            #expect(answer.errorOutput.contains("cannot write the summary of the job"))
        }
    }
}
