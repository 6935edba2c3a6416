import Foundation
import Glibc
import HeroGit
import HeroModel
import TestSupport
import Testing

@Suite("Manifests at a commit")
struct GitManifestReaderTests {
    /// A repository in a directory of its own, with a services directory and one commit on `main`.
    private final class TestRepository {
        let root: String
        var services: String { root + "/services.d" }

        init() throws {
            root = try makeTemporaryDirectory("hpgit")
            try run("git init -q -b main . && mkdir services.d && echo one > services.d/web.yaml")
            try commit()
        }

        deinit { try? FileManager.default.removeItem(atPath: root) }

        /// Runs a shell command in the repository.
        func run(_ command: String) throws {
            let identity =
                "export GIT_CONFIG_NOSYSTEM=1 HOME=\(root) GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c "
                + "GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c"
            try #require(runShell("cd \(root) && \(identity) && \(command)") == 0, "\(command)")
        }

        func commit() throws { try run("git add -A && git commit -q --allow-empty -m x") }

        /// The texts of the manifests at a revision, by path.
        func texts(at revision: String, _ variables: [String: String] = [:]) throws(GitError) -> [String: String] {
            let environment = ["PATH": "/usr/bin:/bin", "HOME": root].merging(variables) { $1 }
            let files = try GitManifestReader(revision, of: services, environment: environment).read()
            return Dictionary(uniqueKeysWithValues: files.map { ($0.path, String(decoding: $0.bytes, as: UTF8.self)) })
        }

        /// The error of a read; nil if it succeeds.
        func error(at revision: String) -> GitError? {
            do throws(GitError) {
                _ = try texts(at: revision)
                return nil
            } catch { return error }
        }

        func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
            try text.write(toFile: "\(root)/\(name)", atomically: true, encoding: .utf8)
            chmod("\(root)/\(name)", mode)
        }
    }

    @Test(
        "A bare repository inside the work tree is refused",
        arguments: ["services.d", "services.d/more", "."]
    )
    func refusesEmbeddedRepository(_ folder: String) throws {
        let repository = try TestRepository()
        // A commit can contain these files; the embedded history equals the new content, so nothing would differ.
        try repository.run(
            """
            mkdir -p work \(folder) && cd work && git init -q --bare embedded && cd .. && echo two > services.d/web.yaml
            git --git-dir work/embedded --work-tree services.d add . && \
            git --git-dir work/embedded --work-tree services.d commit -q -m x
            cp -r work/embedded/HEAD work/embedded/objects work/embedded/refs work/embedded/config \(folder)/
            """
        )
        if folder == "." {
            // git finds the `.git` of the same folder first.
            #expect(try repository.texts(at: "main") == ["main:services.d/web.yaml": "one\n"])
            return
        }
        let error = try #require(repository.error(at: "HEAD"))
        #expect(
            error.cause
                == "\(repository.root)/\(folder) is a git directory inside the work tree, and it could hide changes"
        )
    }

    @Test("A bare repository between the work tree and the services directory is refused")
    func refusesRepositoryAbove() throws {
        let repository = try TestRepository()
        try repository.run("mkdir -p deploy/services.d && git init -q --bare bare && cp -r bare/* deploy/")
        let reader = GitManifestReader("main", of: repository.root + "/deploy/services.d", environment: [:])
        let error = #expect(throws: GitError.self) { try reader.read() }
        #expect(error?.cause.contains("/deploy is a git directory inside the work tree") == true)
    }

    @Test("A repository inside the services directory is refused, except at its top")
    func readsRepositoryAtTop() throws {
        let repository = try TestRepository()
        try repository.run("cd services.d && git init -q -b main . && git add . && git commit -q -m x")
        #expect(try repository.texts(at: "main") == ["main:web.yaml": "one\n"])
        try repository.run("git init -q services.d/nested")
        #expect(repository.error(at: "main")?.cause.contains("services.d/nested/.git is a git directory") == true)
    }

    @Test("A name that git calls ambiguous is refused, and its whole name is accepted")
    func refusesAmbiguousNames() throws {
        let repository = try TestRepository()
        try repository.run("git tag other && git branch origin/main && git update-ref refs/remotes/origin/main HEAD")
        try repository.write("services.d/web.yaml", "two\n")
        try repository.commit()
        // The tag hides the branch; the repository even turns the warning of git off.
        try repository.run("git tag main HEAD~1 && git config core.warnAmbiguousRefs false")
        for name in ["main", "main~0", "origin/main"] {
            #expect(repository.error(at: name)?.cause.contains("ambiguous") == true, "\(name)")
        }
        #expect(try repository.texts(at: "refs/heads/main").values.sorted() == ["two\n"])
        #expect(try repository.texts(at: "refs/tags/main").values.sorted() == ["one\n"])
        #expect(try repository.texts(at: "other").values.sorted() == ["one\n"])
        #expect(repository.error(at: "unknown")?.cause == "the repository has no such branch, tag or commit")
    }

    @Test("No program that the configuration of a repository names is executed")
    func executesNothingOfRepository() throws {
        let repository = try TestRepository()
        try repository.write("attack", "#!/bin/sh\necho \"$@\" >> \(repository.root)/executed\ncat\n", mode: 0o755)
        let attack = repository.root + "/attack"
        let keys = [
            "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.alternateRefsCommand",
            "core.askPass",
            "diff.external", "diff.x.textconv", "diff.x.command", "filter.x.smudge", "filter.x.clean",
            "filter.x.process", "credential.helper", "uploadpack.packObjectsHook", "gpg.program",
        ]
        try repository.write("services.d/.gitattributes", "* filter=x diff=x\n")
        try repository.commit()
        try repository.run("git update-index --fsmonitor || true")
        for key in keys { try repository.run("git config \(key) \(attack)") }
        try repository.run("git config alias.rev-parse '!\(attack)' && git config alias.ls-tree '!\(attack)'")
        try repository.run("mkdir hooks && git config core.hooksPath hooks")
        for hook in ["post-index-change", "reference-transaction", "fsmonitor-watchman"] {
            try repository.write(
                "hooks/\(hook)",
                "#!/bin/sh\necho \(hook) >> \(repository.root)/executed\n",
                mode: 0o755
            )
        }
        // A missing object of a partial clone would be fetched by any program that a remote names.
        try repository.run(
            "git config remote.p.url 'ext::\(attack)' && git config remote.p.promisor true "
                + "&& git config protocol.ext.allow always && git config extensions.partialClone p"
        )
        unlink(repository.root + "/executed")
        #expect(try repository.texts(at: "main") == ["main:services.d/web.yaml": "one\n"])
        let blob = "$(git -c core.fsmonitor=false rev-parse main:services.d/web.yaml)"
        try repository.run("o=\(blob); rm -f .git/objects/$(echo $o | cut -c1-2)/$(echo $o | cut -c3-)")
        unlink(repository.root + "/executed")
        #expect(repository.error(at: "main") != nil)
        #expect(fileContents(repository.root + "/executed").isEmpty)
    }

    @Test(
        "Git variables of the caller do not select another repository, other objects or other programs",
        arguments: [
            ["GIT_DIR": "/nowhere"], ["GIT_WORK_TREE": "/"], ["GIT_COMMON_DIR": "/nowhere"], ["GIT_NAMESPACE": "x"],
            ["GIT_OBJECT_DIRECTORY": "/nowhere"], ["GIT_INDEX_FILE": "/nowhere"], ["GIT_EXEC_PATH": "/nowhere"],
            ["GIT_CONFIG_PARAMETERS": "'core.repositoryformatversion'='9'"], ["GIT_SHALLOW_FILE": "/nowhere"],
            ["GIT_REPLACE_REF_BASE": "refs/heads/"], ["GIT_LITERAL_PATHSPECS": "0"], ["GIT_GLOB_PATHSPECS": "1"],
            ["GIT_DEFAULT_HASH": "x"], ["GIT_TRACE": "1"],
        ]
    )
    func ignoresVariablesOfCaller(_ variables: [String: String]) throws {
        let repository = try TestRepository()
        #expect(try repository.texts(at: "main", variables) == ["main:services.d/web.yaml": "one\n"])
    }

    @Test("A replacement of a commit does not change what is read")
    func ignoresReplacements() throws {
        let repository = try TestRepository()
        try repository.write("services.d/web.yaml", "two\n")
        try repository.commit()
        try repository.run("git replace HEAD~1 HEAD -f")
        #expect(try repository.texts(at: "main~1") == ["main~1:services.d/web.yaml": "one\n"])
    }
}
