import Testing

@testable import HeroLinux

/// Finds the job of heroproc that a process runs in.
@Suite("Enclosing job") struct EnclosingJobTests {
    @Test(
        "A process belongs to a job by its tag or by its cgroup",
        arguments: [
            ("d.7.2", "", "job 7 of core/deploy"), ("x.7.2", "", nil), ("d.7", "", nil), ("", "", nil),
            ("", "0::/heroproc-d/17.3\n", "job 17"), ("", "4:memory:/\n0::/a/heroproc-d/17.3/inner\n", "job 17"),
            ("", "0::/heroproc-x/17.3\n", nil), ("", "0::/heroproc-d\n", nil), ("", "0::/heroproc-d/web\n", nil),
        ] as [(String, String, String?)]
    )
    func membership(tag: String, memberships: String, expected: String?) {
        let environment = [
            "HEROPROC_INSTANCE": tag, "HEROPROC_CONTEXT": "core", "HEROPROC_SERVICE": "deploy",
        ]
        #expect(EnclosingJob.find(digest: "d", environment: environment, memberships: memberships) == expected)
    }
}
