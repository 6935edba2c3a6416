import Glibc
import TestSupport
import Testing

@testable import HeroLinux

/// Facts about other processes, read by a helper process.
@Suite("Process reader") struct ProcessReaderTests {
    @Test("The helper process reads arguments, environment entries, the program and open files")
    func facts() throws {
        let helper = try HelperProcess(["/bin/sleep", "600"], environment: ["TAG": "a b"])
        let pid = helper.pid
        // Until it executes its program it is a copy of this process.
        #expect(
            waitUntil {
                ProcessReader.read([.arguments(pid)])[.arguments(pid)]?.elementsEqual("/bin/sleep\u{0}600\u{0}".utf8)
                    == true
            }
        )
        let facts: [ProcessFact] = [
            .arguments(pid), .entry(pid, "TAG=a b"), .entry(pid, "HEROPROC_NOTHING=1"), .program(pid),
            .file(pid, descriptor: 0), .file(pid, descriptor: 999), .arguments(Int32.max),
        ]
        let found = ProcessReader.read(facts)
        #expect(found[facts[0]]?.split(separator: 0).last.map { String(decoding: $0, as: UTF8.self) } == "600")
        #expect(found[facts[1]] == [ProcessFact.EntryState.present.rawValue])
        #expect(found[facts[2]] == [ProcessFact.EntryState.absent.rawValue])
        let program = try #require(ProcessFact.fileID("/bin/sleep"))
        #expect(found[facts[3]].map { String(decoding: $0, as: UTF8.self) } == "\(program) \(program)")
        #expect(found[facts[4]] != nil)
        #expect(found[facts[5]] == nil && found[facts[6]] == nil, "they do not exist")
    }

    @Test(
        "Arguments of the helper program are parsed as they are written",
        arguments: [
            ProcessFact.arguments(17), .entry(3, "A=b c"), .entryPrefix(3, "A="), .program(1), .file(9, descriptor: 3),
        ]
    )
    func texts(fact: ProcessFact) {
        #expect(ProcessFact(fact.text) == fact)
    }

    @Test("Other arguments are refused", arguments: ["", "a", "a0", "a-1", "x3", "e3", "f3", "f3 x"])
    func invalidTexts(text: String) {
        #expect(ProcessFact(text) == nil)
    }

    @Test("Frames that arrive in parts are joined")
    func frames() {
        var bytes: [UInt8] = [1, 0, 0, 0, 3, 0, 0, 0, 65]
        #expect(ProcessFactFrame.takeFrames(from: &bytes).isEmpty)
        bytes += [66, 2, 0, 0, 0, 0, 0, 0, 0, 9]
        let frames = ProcessFactFrame.takeFrames(from: &bytes)
        #expect(frames.map(\.index) == [1, 2] && frames.map(\.bytes) == [[65, 66], nil])
        #expect(bytes == [9])
    }
}
