import Foundation
import TestSupport
import Testing

@_silgen_name("unshare") private func unshare(_ flags: Int32) -> Int32

/// A file system in an image file, mounted in its own mount namespace, whose power can be cut.
struct TestDisk: Codable, Sendable {
    let folder: String
    var image: String { folder + "/image" }
    var root: String { folder + "/root" }
    var database: String { root + "/heroproc.db" }
    /// Files outside of that file system: the acknowledged changes, and the result of a check.
    var acknowledged: String { folder + "/acknowledged" }
    var report: String { folder + "/report" }

    init(_ directory: TestDirectory) throws {
        folder = directory.path
        mkdir(folder + "/root", 0o700)
        try #require(Self.run("truncate -s 64M \(folder)/image && mkfs.ext4 -q -F \(folder)/image") == 0)
    }

    /// Runs a shell command without output; returns its exit code.
    static func run(_ command: String) -> Int32 { runShell("{ \(command); } 2>/dev/null") }

    /// Mounts the disk for the calling thread only, in its own mount namespace, which ends with this process.
    ///
    /// - Parameter inMemory: Mounts a tmpfs of the same size instead.
    /// - Returns: Whether the mount succeeded.
    func mount(inMemory: Bool = false) -> Bool {
        let mountNamespace: Int32 = 0x0002_0000
        guard unshare(mountNamespace) == 0 else { return false }
        let kind = inMemory ? "-t tmpfs -o size=64m tmpfs" : "-o loop \(image)"
        return Self.run("mount --make-rprivate / && mount \(kind) \(root)") == 0
    }

    /// Cuts the power: data that is not on the disk is lost (EXT4_IOC_SHUTDOWN without a flush of the journal).
    static func cutPower(_ descriptor: Int32) {
        var flags: UInt32 = 2
        _ = ioctl(descriptor, 0x8004_587D, &flags)
    }

    /// Waits until no loop device uses the image, because the last process with its mount has exited.
    func detach() async throws {
        for _ in 0..<1000 {
            if Self.run("test -z \"$(losetup -j \(image))\"") == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("\(image) is still attached")
    }
}

/// Whether this machine can mount an image file, which needs root and a loop device.
let canMountLoop: Bool = {
    guard geteuid() == 0, access("/dev/loop-control", R_OK) == 0, let directory = try? TestDirectory(),
        let disk = try? TestDisk(directory)
    else { return false }
    return TestDisk.run("unshare -m sh -c 'mount -o loop \(disk.image) \(disk.root)'") == 0
}()

/// Runs `body` on a new thread, so that its mounts belong to one thread only.
func runOnOwnThread(_ body: @escaping @Sendable () -> Void) -> Never {
    Thread.detachNewThread(body)
    while true { sleep(60) }
}
