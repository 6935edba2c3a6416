import Foundation
import Testing

@_silgen_name("unshare") private func unshare(_ flags: Int32) -> Int32

/// A file system of its own in a file, in a mount namespace of its own: its power can be cut.
struct TestDisk: Codable, Sendable {
    let folder: String
    var image: String { folder + "/image" }
    var root: String { folder + "/root" }
    var database: String { root + "/heroproc.db" }
    /// Outside of that file system: what was acknowledged, and what was found.
    var acknowledged: String { folder + "/acknowledged" }
    var report: String { folder + "/verdict" }

    init(_ directory: TestDirectory) throws {
        folder = directory.path
        mkdir(folder + "/root", 0o700)
        try #require(Self.shell("truncate -s 64M \(folder)/image && mkfs.ext4 -q -F \(folder)/image") == 0)
    }

    static func shell(_ text: String) -> Int32 {
        var pid: pid_t = 0
        let words: [String] = ["sh", "-c", "{ \(text); } >/dev/null 2>&1"]
        let argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        guard posix_spawn(&pid, "/bin/sh", nil, nil, argv, environ) == 0 else { return -1 }
        var status: Int32 = 0
        return waitpid(pid, &status, 0) == pid ? status : -1
    }

    /// Mounts it for the calling thread, and for nobody else: it is gone with this process.
    ///
    /// - Parameter inMemory: another one in its place, of the same size.
    /// - Returns: whether it is there.
    func mount(inMemory: Bool = false) -> Bool {
        let mountNamespace: Int32 = 0x0002_0000
        guard unshare(mountNamespace) == 0 else { return false }
        let kind = inMemory ? "-t tmpfs -o size=64m tmpfs" : "-o loop \(image)"
        return Self.shell("mount --make-rprivate / && mount \(kind) \(root)") == 0
    }

    /// Cuts the power: what is not on the disk by now never will be (EXT4_IOC_SHUTDOWN, without a flush of the journal).
    static func cutPower(_ descriptor: Int32) {
        var flags: UInt32 = 2
        _ = ioctl(descriptor, 0x8004_587D, &flags)
    }

    /// Waits until the image is attached to no loop device any more: the last process has gone with its mounts.
    func detach() async throws {
        for _ in 0..<1000 {
            if Self.shell("test -z \"$(losetup -j \(image))\"") == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("\(image) is still attached")
    }
}

/// Whether this machine lets us mount a file, which needs root and a loop device.
let canMountLoop: Bool = {
    guard geteuid() == 0, access("/dev/loop-control", R_OK) == 0, let directory = try? TestDirectory(),
        let disk = try? TestDisk(directory)
    else { return false }
    return TestDisk.shell("unshare -m sh -c 'mount -o loop \(disk.image) \(disk.root)'") == 0
}()

/// Works on a thread that is known to stay the same one, as its mounts are its own.
func runOnOwnThread(_ body: @escaping @Sendable () -> Void) -> Never {
    Thread.detachNewThread(body)
    while true { sleep(60) }
}
