import Foundation
import Glibc
import HeroGit
import HeroModel
import TestSupport
import Testing

@Suite("Fetches of a followed repository")
struct RepositoryFetchTests {
    /// A repository with a services directory, and the state directory of a reconciler that follows it.
    private final class Host {
        let root: String
        var repository: String { root + "/repository" }
        var state: String { root + "/state" }
        var environment = ["PATH": "/usr/local/bin:/usr/bin:/bin"]

        init() throws {
            root = try makeTemporaryDirectory("hpfollow")
            mkdir(state, 0o700)
            mkdir(repository, 0o755)
            try run("git init -q -b main && mkdir services.d && echo one > services.d/web.yaml")
            try commit()
        }

        deinit { try? FileManager.default.removeItem(atPath: root) }

        func run(_ command: String) throws {
            let identity =
                "export GIT_CONFIG_NOSYSTEM=1 HOME=\(root) GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=a@b.c "
                + "GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=a@b.c"
            try #require(runShell("cd \(repository) && \(identity) && \(command)") == 0, "\(command)")
        }

        func commit(_ subject: String = "x", _ options: String = "") throws {
            try run("git add -A && git commit -q --allow-empty -m '\(subject)' \(options)")
        }

        func options(_ ref: String = "main") throws -> FollowOptions {
            try FollowOptions(repository: "file://" + repository, ref: ref, path: "services.d")
        }

        func fetch(
            applied: String? = nil,
            with options: FollowOptions? = nil,
            inUse: Set<String> = []
        ) throws -> RepositoryReport {
            RepositoryFetch(state: state, try options ?? self.options(), applied: applied, environment: environment)
                .run(commitsInUse: { inUse })
        }

        func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
        func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
    }

    @Test("The newest commit is written, and older commits without use are removed")
    func writesCheckouts() throws {
        let host = try Host()
        let first = try host.fetch()
        #expect(first.problem == nil && first.relation == .first)
        #expect(first.author == "Ann <a@b.c>" && first.subject == "x")
        let checkout = try #require(first.checkout)
        #expect(host.text(checkout + "/services.d/web.yaml") == "one\n")
        #expect(!host.exists(checkout + "/.git"))
        try host.run("echo two > services.d/web.yaml")
        try host.commit("second")
        try host.commit("third")
        let second = try host.fetch(applied: first.commit, inUse: [try #require(first.commit)])
        #expect(second.relation == .ahead(2) && second.subject == "third")
        #expect(host.exists(checkout))
        #expect(host.text(try #require(second.checkout) + "/services.d/web.yaml") == "two\n")
        let third = try host.fetch(applied: second.commit)
        #expect(third.relation == .same && !host.exists(checkout))
    }

    @Test("A history that goes back or was replaced is recognized")
    func recognizesRewind() throws {
        let host = try Host()
        let first = try host.fetch()
        try host.commit("second")
        let second = try host.fetch(applied: first.commit)
        try host.run("git reset -q --hard HEAD~1")
        #expect(try host.fetch(applied: second.commit).relation == .behind)
        try host.commit("other")
        #expect(try host.fetch(applied: second.commit).relation == .diverged)
    }

    @Test("A fetch is deepened until it contains the applied commit")
    func deepensHistory() throws {
        let host = try Host()
        let first = try host.fetch()
        try host.run("for i in $(seq 120); do git commit -q --allow-empty -m $i; done")
        // The mirror is lost, so the next fetch begins with a short history.
        try FileManager.default.removeItem(atPath: host.state + "/git/mirror")
        #expect(try host.fetch(applied: first.commit).relation == .ahead(120))
    }

    @Test("A branch is followed although a tag has the same name")
    func prefersBranch() throws {
        let host = try Host()
        try host.run("git tag main && git tag v1")
        try host.commit("second")
        #expect(try host.fetch().subject == "second")
        #expect(try host.fetch(with: host.options("v1")).subject == "x")
        let missing = try host.fetch(with: host.options("nothing")).problem
        #expect(missing == .unreachable("the repository has no branch or tag `nothing`"))
    }

    @Test(
        "A hostile commit is refused, and nothing of it is written",
        arguments: [
            "ln -s /etc services.d/etc", "ln -s ../../x services.d/up", "printf x > \"$(printf 'a\\nb')\"",
            "rm -r services.d && touch other",
        ]
    )
    func refusesHostileCommit(_ command: String) throws {
        let host = try Host()
        try host.run(command)
        try host.commit("hostile")
        let report = try host.fetch()
        #expect(report.checkout == nil)
        switch report.problem {
        case .refused?, .unreachable?: break
        case nil: Issue.record("the commit is accepted")
        }
        #expect(report.problem != nil && !host.exists(host.state + "/git/checkouts/.new"))
    }

    @Test("No filter, hook, configuration or variable of the user runs a program")
    func runsNoPrograms() throws {
        let host = try Host()
        let mark = host.root + "/mark"
        let trap = host.root + "/trap"
        try "#!/bin/sh\ntouch \(mark)\ncat\n".write(toFile: trap, atomically: true, encoding: .utf8)
        chmod(trap, 0o755)
        let config = """
            [filter "x"]
            smudge = \(trap)
            clean = cat
            [core]
            fsmonitor = \(trap)
            sshCommand = \(trap)
            hooksPath = \(host.root)/hooks
            [uploadpack]
            packObjectsHook = \(trap)
            [url "ext::\(trap)"]
            insteadOf = file://

            """
        try config.write(toFile: host.state + "/.gitconfig", atomically: true, encoding: .utf8)
        mkdir(host.state + "/git", 0o700)
        try config.write(toFile: host.state + "/git/.gitconfig", atomically: true, encoding: .utf8)
        host.environment["GIT_CONFIG_GLOBAL"] = host.state + "/.gitconfig"
        host.environment["HOME"] = host.state
        host.environment["GIT_SSH_COMMAND"] = trap
        host.environment["GIT_EXEC_PATH"] = host.root
        host.environment["GIT_DIR"] = host.root
        try host.run("echo '* filter=x' > .gitattributes; mkdir -p .githooks; cp \(trap) .githooks/post-checkout")
        try host.commit()
        let report = try host.fetch()
        #expect(report.problem == nil && report.checkout != nil)
        #expect(!host.exists(mark))
    }

    @Test("Locks and half a checkout of a killed helper process do not prevent a fetch")
    func survivesLeftovers() throws {
        let host = try Host()
        let first = try host.fetch()
        for name in ["refs/heroproc/tip.lock", "shallow.lock", "config.lock", "packed-refs.lock"] {
            _ = FileManager.default.createFile(atPath: "\(host.state)/git/mirror/\(name)", contents: nil)
        }
        mkdir(host.state + "/git/checkouts/.new", 0o700)
        _ = FileManager.default.createFile(atPath: host.state + "/git/checkouts/.new/x", contents: nil)
        try host.commit("second")
        let second = try host.fetch(applied: first.commit)
        #expect(second.problem == nil && second.subject == "second")
    }

    @Test("A damaged mirror is fetched again")
    func repairsMirror() throws {
        let host = try Host()
        _ = try host.fetch()
        try host.commit("second")
        try #require(
            runShell("find \(host.state)/git/mirror/objects -type f -exec chmod u+w {} + -exec truncate -s 5 {} +") == 0
        )
        _ = try host.fetch()
        let repaired = try host.fetch()
        #expect(repaired.problem == nil && repaired.subject == "second")
    }

    @Test("A repository that does not exist is reported, and nothing is written")
    func reportsMissingRepository() throws {
        let host = try Host()
        try FileManager.default.removeItem(atPath: host.repository)
        guard case .unreachable? = try host.fetch().problem else {
            Issue.record("the repository is reachable")
            return
        }
    }

    @Test("Only commits that an allowed, unrevoked key has signed are accepted")
    func verifiesSignatures() throws {
        let host = try Host()
        let keys = host.root + "/keys"
        mkdir(keys, 0o700)
        for name in ["ann", "eve", "old"] {
            try #require(runShell("ssh-keygen -q -t ed25519 -N '' -C \(name) -f \(keys)/\(name)") == 0)
        }
        let lines = #"echo ann@x $(cat ann.pub) && echo old@x 'valid-before="20200101"' $(cat old.pub)"#
        try #require(runShell("cd \(keys) && (\(lines)) > allowed") == 0)
        var options = try host.options()
        options.allowedSigners = keys + "/allowed"
        let sign = { (name: String) in
            "--gpg-sign=\(keys)/\(name)"
        }
        try host.run("git config gpg.format ssh")
        let unsigned = try host.fetch(with: options)
        let short = try #require(unsigned.commit).prefix(12)
        #expect(unsigned.problem == .refused("commit \(short) is not signed") && unsigned.checkout == nil)
        try host.commit("by ann", sign("ann"))
        let good = try host.fetch(with: options)
        #expect(good.problem == nil && good.signer == "ann@x")
        for name in ["eve", "old"] {
            try host.commit("by \(name)", sign(name) + " --date 2019-01-01T00:00:00Z")
            let refused = try host.fetch(applied: good.commit, with: options)
            guard case .refused(let reason)? = refused.problem else {
                Issue.record("a commit of \(name) is accepted")
                continue
            }
            guard name == "eve" else { continue }
            #expect(reason.contains("SHA256:") && reason.contains(keys + "/allowed"), "\(reason)")
        }
        // The tip is signed, and a commit before it is not.
        try host.commit("by ann again", sign("ann"))
        #expect(try host.fetch(applied: good.commit, with: options).problem == nil)
        options.verifiesAll = true
        #expect(try host.fetch(applied: good.commit, with: options).problem != nil)
        options.verifiesAll = false
        options.revokedKeys = keys + "/ann.pub"
        #expect(try host.fetch(applied: good.commit, with: options).problem != nil)
    }
}
