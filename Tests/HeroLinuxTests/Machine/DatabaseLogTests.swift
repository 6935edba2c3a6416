import Glibc
import HeroModel
import Testing

@testable import HeroLinux

/// The write-ahead log of the database, and its readers.
@Suite("Database log") struct DatabaseLogTests {
    @Test("Only read locks on the reader bytes of the shared-memory file count as transactions")
    func locks() {
        let text = """
            1: POSIX  ADVISORY  READ 412 08:01:77 123 123
            2: POSIX  ADVISORY  READ 413 08:01:77 124 124
            3: POSIX  ADVISORY  READ 414 08:01:77 128 128
            4: POSIX  ADVISORY  WRITE 415 08:01:77 120 120
            5: POSIX  ADVISORY  READ 416 08:01:78 123 123
            6: POSIX  ADVISORY  READ 417 08:02:77 123 123
            7: FLOCK  ADVISORY  READ 418 08:01:77 123 123
            7: -> POSIX  ADVISORY  READ 419 08:01:77 123 123
            8: POSIX  ADVISORY  READ 420 08:01:77 0 EOF
            9: POSIX
            """
        #expect(DatabaseLog.readers(in: text, device: UInt64(makedev(8, 1)), inode: 77) == [412, 413])
    }

    private func makedev(_ major: UInt64, _ minor: UInt64) -> UInt64 { (major << 8) | minor }

    @Test("A log is reported from 64 MiB on, with the readers that keep it")
    func problem() {
        #expect(DatabaseLogFacts(bytes: (64 << 20) - 1, readers: ["pid 1 (a)"]).problem == nil)
        let log = DatabaseLogFacts(bytes: 64 << 20, readers: ["pid 412 (sqlite3)"])
        #expect(
            log.problem
                == "the write-ahead log of the state database has 64 MiB and grows, because pid 412 (sqlite3) keeps a "
                + "read transaction open"
        )
        #expect(DatabaseLogFacts(bytes: 65 << 20, readers: []).problem?.contains("65 MiB") == true)
    }
}
