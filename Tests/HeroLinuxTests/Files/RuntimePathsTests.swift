import Glibc
import Testing

@testable import HeroLinux

@Suite struct RuntimePathsTests {
    @Test(
        "The run directory is derived from state directory, user and environment",
        arguments: [
            (0, [:], "/var/lib/heroproc", "/run/heroproc/3ba4d9c88be6917c"),
            (0, ["XDG_RUNTIME_DIR": "/run/user/0"], "/var/lib/heroproc", "/run/heroproc/3ba4d9c88be6917c"),
            (7, ["XDG_RUNTIME_DIR": "/run/user/7"], "/h", "/run/user/7/heroproc/07d65e07b49cc9e2"),
            (7, ["XDG_RUNTIME_DIR": "relative"], "/h", "/h/run"),
            (7, [:], "/h", "/h/run"),
        ] as [(UInt32, [String: String], String, String)]
    )
    func runDirectory(_ row: (uid: UInt32, environment: [String: String], state: String, run: String)) {
        let paths = RuntimePaths(state: row.state, uid: row.uid, environment: row.environment)
        #expect(paths.run == row.run)
        #expect(paths.controlSocket == row.run + "/control.sock")
        #expect(paths.database == row.state + "/heroproc.db")
    }

    @Test(
        "A long state directory never makes the path of the control socket too long",
        arguments: [90, 91, 92, 107, 500]
    )
    func longPath(_ size: Int) {
        let state = "/" + String(repeating: "s", count: size - 1)
        let paths = RuntimePaths(state: state, uid: 1000, environment: [:])
        #expect(paths.controlSocket.utf8.count <= 107)
        #expect(paths.run.hasPrefix(size <= 90 ? state : "/tmp/heroproc-1000/"))
    }

    @Test("Different state directories have different digests")
    func digest() {
        #expect(RuntimePaths.digest(of: "/a") != RuntimePaths.digest(of: "/b"))
        #expect(RuntimePaths.digest(of: "") == "cbf29ce484222325")
        #expect(RuntimePaths.digest(of: "/a").utf8.count == 16)
    }

    @Test("The canonical state directory resolves links and dots, even before it exists")
    func canonical() throws {
        let sandbox = try Sandbox()
        mkdir(sandbox.folder + "/real", 0o700)
        symlink("real", sandbox.folder + "/link")
        for name in ["real/x/y", "link/x/y", "link/./x//y", "real/../link/x/y/"] {
            #expect(RuntimePaths.canonical("\(sandbox.folder)/\(name)") == sandbox.folder + "/real/x/y")
        }
    }

    @Test("A run directory that other users could access is refused (FS-1)")
    func openRunDirectory() throws {
        let sandbox = try Sandbox()
        try sandbox.paths.makeStateDirectories()
        mkdir(sandbox.paths.run, 0o755)
        chmod(sandbox.paths.run, 0o777)
        #expect(throws: LinuxError.self) { try sandbox.paths.makeRunDirectories() }
        chmod(sandbox.paths.run, 0o700)
        try sandbox.paths.makeRunDirectories()
        rmdir(sandbox.paths.jobs)
        symlink("/tmp", sandbox.paths.jobs)
        #expect(throws: LinuxError.self) { try sandbox.paths.makeRunDirectories() }
    }
}
