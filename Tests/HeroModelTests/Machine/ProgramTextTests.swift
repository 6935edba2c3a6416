import HeroModel
import Testing

@Suite("The first bytes of a program")
struct ProgramTextTests {
    private static let cases: [(String, ProgramText)] = [
        ("", .empty),
        ("#!/bin/sh\necho\n", .script(interpreter: "/bin/sh", hasCarriageReturn: false)),
        ("#! \t/usr/bin/env  python3\n", .script(interpreter: "/usr/bin/env", hasCarriageReturn: false)),
        ("#!/bin/sh\r\necho\r\n", .script(interpreter: "/bin/sh", hasCarriageReturn: true)),
        ("#!/bin/sh -e\r\n", .script(interpreter: "/bin/sh", hasCarriageReturn: false)),
        ("#!", .script(interpreter: "", hasCarriageReturn: false)),
        ("#!\r\n", .script(interpreter: "", hasCarriageReturn: true)),
        ("\u{FEFF}#!/bin/sh\n", .markedScript),
        ("\u{FEFF}text", .text),
        ("echo hi\n", .text),
        ("\u{7F}ELF\u{1}", .binary),
        ("a\0b", .binary),
    ]

    @Test("The first bytes of a file tell how the kernel executes it", arguments: cases)
    func kinds(text: String, kind: ProgramText) {
        #expect(ProgramText(text.utf8) == kind)
    }

    @Test("Only as many bytes count as the kernel reads")
    func length() {
        let long = "#!/" + String(repeating: "a", count: 1000)
        #expect(
            ProgramText(long.utf8)
                == .script(interpreter: String(long.dropFirst(2).prefix(254)), hasCarriageReturn: false)
        )
    }
}
