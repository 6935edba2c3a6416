import Foundation
import Glibc
import Testing

@Suite("Folders of services")
struct FolderTests {
    private func facts(_ path: String) -> stat? {
        var file = stat()
        return lstat(path, &file) == 0 ? file : nil
    }

    @Test("Missing folders are made before the start, and existing ones are not changed")
    func makesMissingFolders() async throws {
        try await TestHost.with { host in
            let base = host.root + "/base"
            mkdir(base, 0o755)
            mkdir(base + "/old", 0o701)
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                cwd: \(base)/new/data
                exec: [sh, -c, "echo here > file; exec sleep 1000"]
                folders: ["\(base)/old", "\(base)/new/data", {path: "\(base)/private", mode: "0750"}]
                """
            )
            try await host.apply()
            try await eventually("the program runs in its new folder") {
                host.readText(base + "/new/data/file") == "here\n"
            }
            #expect(facts(base + "/old")?.st_mode == S_IFDIR | 0o701)
            #expect(facts(base + "/new")?.st_mode == S_IFDIR | 0o755)
            #expect(facts(base + "/new/data")?.st_mode == S_IFDIR | 0o755)
            #expect(facts(base + "/private")?.st_mode == S_IFDIR | 0o750)
            try await host.expectEmptyDiff()
        }
    }

    @Test("A folder that cannot be made is a failed start that names it")
    func folderThatCannotBeMade() async throws {
        try await TestHost.with { host in
            try Data().write(to: URL(filePath: host.root + "/file"))
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                exec: [sleep, "1000"]
                folders: ["\(host.root)/file/data"]
                """
            )
            let result = try await host.run("apply", "--timeout", "20s")
            #expect(result.exitCode == 1)
            let why = try await host.run("why", "web")
            #expect(why.output.contains("cannot make the folder: \(host.root)/file"), "\(why.output)")
        }
    }

    @Test("The folders of another user get that user as owner", .enabled(if: geteuid() == 0))
    func foldersOfAnotherUser() async throws {
        try await TestHost.with { host in
            chmod(host.root, 0o711)
            let base = host.root + "/base"
            mkdir(base, 0o755)
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                user: "4242"
                group: "4243"
                exec: [sh, -c, "cd $BASE/data && echo here > file; exec sleep 1000"]
                env: {BASE: "\(base)"}
                folders:
                  - "\(base)/data"
                  - "\(base)/data/below"
                  - {path: "\(base)/shared", mode: "2770", user: 0, group: 4244}
                """
            )
            try await host.apply()
            try await eventually("the user can write to its folder") { host.readText(base + "/data/file") == "here\n" }
            for folder in ["/data", "/data/below"] {
                let made = try #require(facts(base + folder))
                #expect((made.st_uid, made.st_gid) == (4242, 4243), "\(folder)")
            }
            let shared = try #require(facts(base + "/shared"))
            #expect((shared.st_uid, shared.st_gid) == (0, 4244))
            #expect(shared.st_mode == S_IFDIR | 0o2770)
        }
    }

    @Test("No link of a user leads root to a folder of another user", .enabled(if: geteuid() == 0))
    func linksOfUsers() async throws {
        try await TestHost.with { host in
            chmod(host.root, 0o711)
            let (own, victim, third) = (host.root + "/own", host.root + "/victim", host.root + "/third")
            for (path, user) in [(own, 4242), (victim, 0), (third, 4245)] as [(String, uid_t)] {
                mkdir(path, 0o755)
                symlink(victim, path + "/link")
                lchown(path + "/link", user, user)
                chown(path, user, user)
            }
            for (name, folder) in [("own", own), ("third", third)] {
                try host.writeManifest(
                    "\(name).yaml",
                    """
                    kind: Service
                    name: \(name)
                    user: "4242"
                    group: "4242"
                    exec: [sleep, "1000"]
                    folders: ["\(folder)/link/new"]
                    """
                )
            }
            #expect(try await host.run("apply", "--timeout", "20s").exitCode == 1)
            let denied = try await host.run("why", "own").output
            #expect(denied.contains("cannot make the folder: \(victim)/new: Permission denied"), "\(denied)")
            let refused = try await host.run("why", "third").output
            #expect(refused.contains("\(third)/link is a link that the user 4245 has made"), "\(refused)")
            #expect(facts(victim + "/new") == nil)
        }
    }
}
