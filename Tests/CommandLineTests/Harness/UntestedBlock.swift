/// A block with commands that `ConsolePageTests` does not run, and why.
///
/// The reason is what the commands need, or the test that runs them.
struct UntestedBlock: Sendable {
    let page: String
    /// The first line of the block.
    let firstLine: String
    let reason: String

    init(_ page: String, _ firstLine: String, _ reason: String) {
        self.page = page
        self.firstLine = firstLine
        self.reason = reason
    }

    /// Whether this is a block of a page.
    func names(_ block: ConsolePage.Block, of page: String) -> Bool {
        self.page == page && block.lines.first?.hasPrefix(firstLine) == true
    }

    /// All such blocks.
    static let table = [
        UntestedBlock("README.md", "sudo apt-get", "needs root; .ci/package-scenario does it in a chroot"),
        UntestedBlock("README.md", "make up", "builds the programs and runs all tests, as this test run does"),
        UntestedBlock(
            "docs/explanation/beyond-one-machine.md",
            "heroproc reconcile --watch --git https://git.example.com/services.git --path hosts/web1",
            "FollowRepositoryTests follow repositories with these options"
        ),
        UntestedBlock(
            "docs/explanation/beyond-one-machine.md",
            "heroproc reconcile --watch --git https://git.example.com/services.git --var HOST=web1",
            "FollowRepositoryTests follow repositories with these options"
        ),
        UntestedBlock(
            "docs/explanation/beyond-one-machine.md",
            "heroproc reconcile --watch --git https://git.example.com/services.git --ref web1",
            "FollowRepositoryTests follow repositories with these options"
        ),
        UntestedBlock(
            "docs/explanation/beyond-one-machine.md",
            "heroproc validate",
            "SeveralDirectoriesTests run these commands"
        ),
        UntestedBlock("docs/explanation/what-survives-what.md", "$ swift test", "runs other tests, for an hour"),
        UntestedBlock("docs/how-to/ci.md", "heroproc validate", "CIPageTests runs it"),
        UntestedBlock("docs/how-to/ci.md", "heroproc validate -d hosts/a", "CIPageTests runs it"),
        UntestedBlock("docs/how-to/ci.md", "heroproc diff --against git:origin/main -o json", "CIPageTests runs it"),
        UntestedBlock("docs/how-to/ci.md", "git worktree add", "CIPageTests runs it"),
        UntestedBlock("docs/how-to/ci.md", "heroproc diff -o json", "CIPageTests runs it"),
        UntestedBlock("docs/how-to/dashboard.md", "rpc()", "HowToTests of the server run it"),
        UntestedBlock(
            "docs/how-to/dashboard.md",
            "$ curl -sN",
            "shows only what happens later; StreamTests of the server read both streams"
        ),
        UntestedBlock(
            "docs/how-to/gitops.md",
            "heroproc reconcile --watch --keep --git https://example.org/infra.git --verify",
            "needs a signing key; FollowRepositoryTests follow signed commits"
        ),
        UntestedBlock("docs/how-to/monitoring.md", "curl -s -H", "PrometheusTests of the server run it"),
        UntestedBlock(
            "docs/how-to/systemd.md",
            "sudo systemctl",
            "needs root and systemd; SystemdPageTests check the units"
        ),
        UntestedBlock(
            "docs/how-to/upgrade-and-uninstall.md",
            "tar -xzf heroproc-*.tar.gz",
            "needs root; .ci/package-scenario does it in a chroot"
        ),
        UntestedBlock(
            "docs/how-to/upgrade-and-uninstall.md",
            "tar -xzf heroproc-*.tar.gz --strip-components=1 -C /usr/local   #",
            "needs root; .ci/package-scenario does it in a chroot"
        ),
        UntestedBlock(
            "docs/how-to/upgrade-and-uninstall.md",
            "heroproc down --all",
            "needs root; .ci/package-scenario does it in a chroot"
        ),
    ]
}
