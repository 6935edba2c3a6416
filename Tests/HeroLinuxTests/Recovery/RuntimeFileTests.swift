import Foundation
import TestSupport
import Testing

@testable import HeroLinux

/// Files next to a record, and the file systems of a state directory.
@Suite("Runtime files")
struct RuntimeFileTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = try makeTemporaryDirectory("hp-recovery")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test("A job recovery file is read as it was written, whatever its former size")
    func writeAndRead() throws {
        try inFolder { folder in
            let path = folder + "/7.origin"
            #expect(JobRecoveryFile.read(path) == nil)
            for size in [10, 5000, 300, 0, 20_000] {
                let bytes = [UInt8](repeating: 0x41, count: size)
                #expect(JobRecoveryFile.write(bytes, to: path))
                #expect(JobRecoveryFile.read(path) == bytes)
                var file = stat()
                #expect(stat(path, &file) == 0 && file.st_size % 4096 == 0 && file.st_mode & 0o777 == 0o600)
            }
            var names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names == ["7.origin"])
            JobRecoveryFile.remove(path)
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names == [])
        }
    }

    @Test("A job recovery file is overwritten if no new file can be created (DB-4)")
    func overwritten() throws {
        try inFolder { folder in
            let path = folder + "/7.origin"
            #expect(JobRecoveryFile.write([1, 2, 3], to: path))
            // The draft cannot be created, because a directory has its name.
            mkdir(path + ".new", 0o700)
            #expect(JobRecoveryFile.write([4, 5, 6, 7], to: path))
            #expect(JobRecoveryFile.read(path) == [4, 5, 6, 7])
            #expect(!JobRecoveryFile.write([UInt8](repeating: 1, count: 9000), to: path), "the file is too small")
            #expect(JobRecoveryFile.read(path) == [4, 5, 6, 7])
        }
    }

    @Test("Network and user-space file systems are refused by their magic number (DB-7)")
    func fileSystems() throws {
        let table: [(UInt32, String?)] = [
            (0x6969, "NFS"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB2"), (0x0102_1997, "9p"), (0x6573_5546, "FUSE"),
            (0x00c3_6400, "Ceph"), (0xef53, nil), (0x0102_1994, nil), (0x5846_5342, nil), (0x9123_683e, nil),
            (0x794c_7630, nil), (0x2fc1_2fc1, nil),
        ]
        for (magic, name) in table { #expect(FileSystem(magic: magic).unsupportedName == name) }
        // The nearest existing directory counts.
        #expect(FileSystem.containing("/proc/self/no/such/place")?.magic == 0x9fa0)
        #expect(FileSystem.containing("/") != nil)
    }

    @Test("Jobs with files, and the highest job number, are found by file names")
    func jobsWithFiles() throws {
        try inFolder { folder in
            let paths = RuntimePaths(state: folder + "/state", uid: 1, environment: ["XDG_RUNTIME_DIR": folder])
            let logs = paths.logs + "/core/web/run"
            for path in [paths.jobs, logs] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            for name in ["3", "3.origin", "12.retired", "12", "7.script", "x", "0", "-4", "9.origin.new"] {
                try Data().write(to: URL(fileURLWithPath: "\(paths.jobs)/\(name)"))
            }
            #expect(JobRuntimeFiles.jobsWithFiles(paths) == [3, 7, 9, 12])
            #expect(JobRuntimeFiles.highestJob(paths) == 12)
            for name in ["40.log", "41.log.3", "junk", "99.txt"] {
                try Data().write(to: URL(fileURLWithPath: "\(logs)/\(name)"))
            }
            #expect(JobRuntimeFiles.highestJob(paths) == 41)
        }
    }

    @Test("A store outage is reported and cleared in one small file (DB-4)")
    func storeOutage() throws {
        try inFolder { folder in
            let paths = RuntimePaths(state: folder + "/state", uid: 1, environment: ["XDG_RUNTIME_DIR": folder])
            try FileManager.default.createDirectory(atPath: paths.run, withIntermediateDirectories: true)
            #expect(ReconcilerStatusFile.storeOutage(paths) == nil)
            ReconcilerStatusFile.write(nil, to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths) == nil)
            ReconcilerStatusFile.write("the disk is full", to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths) == "the disk is full")
            ReconcilerStatusFile.write(String(repeating: "x", count: 5000), to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths)?.count == 1023)
            ReconcilerStatusFile.write(nil, to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths) == nil)
        }
    }
}
