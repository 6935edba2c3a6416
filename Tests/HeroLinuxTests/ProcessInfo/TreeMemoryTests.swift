import Glibc
import Testing

@testable import HeroLinux

@Suite("Memory of process trees")
struct TreeMemoryTests {
    @Test(
        "The proportional set size is read from its line, and unknown without one",
        arguments: [
            ("00400000-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  100 kB\nPss:  42 kB\nPss_Dirty: 7 kB\n", 42 << 10),
            ("Rss: 100 kB\n", nil), ("Pss: many kB\n", nil), ("Pss:\n", nil), ("Pss: 99999999999999999999 kB\n", nil),
            ("", nil),
        ] as [(String, Int64?)]
    )
    func parse(_ text: String, _ bytes: Int64?) {
        #expect(TreeMemory.parse(text) == bytes)
    }

    @Test("A reply that is empty or no number is unknown memory")
    func decode() {
        #expect(TreeMemory.decode(Array("4096\n".utf8)) == 4096)
        #expect(TreeMemory.decode([]) == nil)
        #expect(TreeMemory.decode(Array("x".utf8)) == nil)
    }
}
