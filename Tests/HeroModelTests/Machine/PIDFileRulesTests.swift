import HeroModel
import Testing

@Suite("PIDFileRules")
struct PIDFileRulesTests {
    @Test(
        "The digits of the first line are a PID, with blanks around them (PF-1)",
        arguments: [
            ("412", 412), ("412\n", 412), ("2", 2), ("1", nil), ("0", nil), ("-1", nil), ("+5", nil), (" 12", 12),
            ("12 34", nil), ("12\n34", 12), ("12\n\n", 12), ("0x10", nil), ("12abc", nil), ("", nil), ("\n", nil),
            ("99999999999999999999", nil), ("4294967298", nil), ("12\r\n", 12), ("12\n/data\n1700000000\n5432\n", 12),
            ("\n12\n", nil), ("\t12 \n", 12), ("\u{FEFF}12", nil), ("١٢", nil),
            ("12\u{0}", nil),
        ] as [(String, Int32?)]
    )
    func parse(text: String, pid: Int32?) {
        #expect(PIDFileRules.parse(Array(text.utf8)) == pid)
    }

    private func file(
        _ kind: FileFacts.Kind = .regular,
        owner: UInt32 = 0,
        mode: UInt32 = 0o644,
        links: UInt64 = 1
    ) -> FileFacts {
        FileFacts(kind: kind, owner: owner, group: 0, mode: mode, linkCount: links)
    }

    @Test("A PID file has one link, and only its owner can write it (PF-1)")
    func files() {
        #expect(PIDFileRules.problem(file()) == nil)
        #expect(PIDFileRules.problem(file(.other)) == "is not a regular file")
        #expect(PIDFileRules.problem(file(links: 2)) == "has several hard links")
        for mode in [0o664, 0o646] as [UInt32] {
            #expect(PIDFileRules.problem(file(mode: mode)) == "can be written by its group or by all users")
        }
    }

    @Test("Only a small regular file with a PID in its first line is removed")
    func removal() {
        let lines = Array("412\n/data\n".utf8)
        #expect(PIDFileRules.removalProblem(file(mode: 0o666, links: 2), lines, size: 10) == nil)
        #expect(PIDFileRules.removalProblem(file(.link), lines, size: 10) == "is not a regular file")
        #expect(PIDFileRules.removalProblem(file(.directory), nil, size: 4096) == "is not a regular file")
        #expect(PIDFileRules.removalProblem(file(), lines, size: 4096) == nil)
        #expect(PIDFileRules.removalProblem(file(), lines, size: 4097) == "is larger than 4 KiB")
        #expect(PIDFileRules.removalProblem(file(), nil, size: 10) == "cannot be read")
        #expect(PIDFileRules.removalProblem(file(), [], size: 0) == "has no PID in its first line")
        #expect(PIDFileRules.removalProblem(file(), Array("text\n412".utf8), size: 8) == "has no PID in its first line")
    }

    @Test("The owner and the folder of a PID file must be trusted (PF-1)")
    func owners() {
        let folder = "is in a folder where other users can replace it"
        let rows: [(FileFacts, FileFacts?, String?)] = [
            (file(), file(.directory, mode: 0o755), nil), (file(owner: 33), file(.directory, owner: 33), nil),
            (file(owner: 4711), file(.directory), "belongs to the user 4711"), (file(), nil, folder),
            (file(), file(.directory, owner: 4711, mode: 0o755), folder),
            (file(), file(.directory, mode: 0o777), folder),
            (file(), file(.directory, mode: 0o1777), nil),
        ]
        for (file, directory, expected) in rows {
            #expect(PIDFileRules.ownerProblem(file, folder: directory, trusted: [0, 33]) == expected)
        }
    }

    @Test("An empty, large or malformed PID file is rejected with its reason (PF-1)")
    func content() {
        let rows: [(String?, Int64, String)] = [
            ("", 0, "is empty"), ("nginx", 5, "contains no PID"), (nil, 4097, "is too large for a PID file"),
            ("4", 4097, "is too large for a PID file"),
        ]
        for (text, size, reason) in rows {
            #expect(throws: PIDFileRules.Rejection(reason: reason)) {
                try PIDFileRules.pid(in: text.map { Array($0.utf8) }, size: size)
            }
        }
        #expect(throws: Never.self) { try PIDFileRules.pid(in: Array("412\n".utf8), size: 4) }
    }
}
