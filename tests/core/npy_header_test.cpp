#include "core/npy_header.h"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "core/error.h"
#include "tests/support/npy.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::npy_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

NpyHeader header_of(const std::string& text, int version = 1) {
  return parse_npy_header(npy_of(text, "", version), "x.npy");
}

// What numpy.load (2.4.6) reads as a [150, 8] array of float32, of 1,135 headers that were tried on it and on this.
TEST(NpyHeader, IsReadHoweverItIsSpelt) {
  for (const std::string text : {"{'descr': '<f4', 'fortran_order': False, 'shape': (150, 8), }",
                                 "{'descr':'<f4','fortran_order':False,'shape':(150,8)}",
                                 "{\"shape\": (150, 8), \"descr\": \"<f4\", \"fortran_order\": False}",
                                 "{ 'fortran_order' : False , 'shape' : ( 150 , 8 , ) , 'descr' : '=f4' , }",
                                 "{'descr'\t:\n'f4',\n 'fortran_order':\tFalse,\r\n 'shape'\n:\n(150L, 8L)\n}",
                                 "  {u'descr': u'float32', 'fortran_order': (False), 'shape': (0x96, +8)}   \n\n",
                                 "({'descr': ('f'), 'fortran_order': False, 'shape': (150, 8)})",
                                 "{'descr': '|f4', # a comment\n 'fortran_order': False, 'shape': (15_0, 8)}",
                                 "{'de' \"scr\": 'single', 'fortran_order': False, 'shape': (150, 8)}",
                                 "{'descr': '>f8', 'descr': '<f', 'fortran_order': False, 'shape': (150, 8)}"})
    for (const int version : {1, 2, 3}) {
      const NpyHeader header = header_of(text, version);
      EXPECT_EQ(header.type, DType::f32) << text;
      EXPECT_FALSE(header.big_endian || header.column_major) << text;
      EXPECT_THAT(header.shape, ElementsAre(150, 8)) << text;
      EXPECT_EQ(header.bytes, 4800U) << text;
    }
  EXPECT_THAT(header_of("{'descr': '<f4', 'fortran_order': False, 'shape': ()}").shape, ElementsAre());
  EXPECT_THAT(header_of("{'descr': '<f4', 'fortran_order': True, 'shape': (3,)}").column_major, false);
  EXPECT_THAT(header_of("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 1)}").column_major, true);
}

// numpy.dtype(name).str of NumPy 2.4.6 on 64-bit Linux; V2 is how it saves ml_dtypes.bfloat16.
TEST(NpyHeader, KnowsTheTypesThatNumPyKnowsByEveryName) {
  struct Row {
    DType type;
    std::vector<const char*> little, big;
  };
  const std::vector<Row> rows = {
      {DType::f16, {"<f2", "f2", "=f2", "e", "half", "float16"}, {">f2", ">e"}},
      {DType::bf16, {"<V2", "|V2", "V2", "bfloat16"}, {">V2"}},
      {DType::f32, {"<f4", "f", "single", "float32"}, {">f4", ">f"}},
      {DType::f64, {"<f8", "d", "double", "float", "float64"}, {">f8", ">d"}},
      {DType::i8, {"|i1", "<i1", ">i1", "i1", "b", "byte", "int8"}, {}},
      {DType::u8, {"|u1", "<u1", ">u1", "=u1", "u1", "B", "ubyte", "uint8"}, {}},
      {DType::boolean, {"|b1", "b1", "<b1", ">b1", "?", "bool", "bool_"}, {}},
      {DType::i16, {"<i2", "h", "short", "int16"}, {">i2"}},
      {DType::u16, {"<u2", "H", "ushort", "uint16"}, {">u2"}},
      {DType::i32, {"<i4", "i", "intc", "int32"}, {">i4"}},
      {DType::u32, {"<u4", "I", "uintc", "uint32"}, {">u4"}},
      {DType::i64, {"<i8", "l", "q", "p", "n", "int", "int_", "long", "longlong", "intp", "int64"}, {">i8", ">q"}},
      {DType::u64, {"<u8", "L", "Q", "P", "N", "uint", "ulong", "ulonglong", "uintp", "uint64"}, {">u8"}}};
  for (const Row& row : rows)
    for (const auto& [names, big] : {std::pair{row.little, false}, {row.big, true}})
      for (const std::string name : names) {
        const NpyHeader header = header_of("{'descr': '" + name + "', 'fortran_order': False, 'shape': (2,)}");
        EXPECT_EQ(header.type, row.type) << name;
        EXPECT_EQ(header.big_endian, big) << name;
        EXPECT_EQ(header.bytes, 2 * size_of(row.type)) << name;
      }
}

TEST(NpyHeader, SaysWhatIsNoNumber) {
  const auto fault = [](const std::string& descr) {
    const NpyHeader header = header_of("{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,)}");
    EXPECT_EQ(header.type, DType::other) << descr;
    return header.fault;
  };
  EXPECT_THAT(fault("[('a', '<f4'), ('b', '<i8')]"), HasSubstr("records"));
  EXPECT_THAT(fault("'|O'"), HasSubstr("Python objects"));
  EXPECT_THAT(fault("'<U12'"), HasSubstr("text"));
  EXPECT_THAT(fault("'|S3'"), HasSubstr("text"));
  EXPECT_THAT(fault("'<V1'"), HasSubstr("raw bytes"));
  for (const std::string descr :
       {"<c8", "<f16", "longdouble", "<M8[s]", "f4,f4", "F4", "Float32", " f4", "<float32", "i3"})
    EXPECT_THAT(fault("'" + descr + "'"), AllOf(HasSubstr("'" + descr + "'"), HasSubstr("accepted"))) << descr;
}

// numpy.load refuses each of these too.
TEST(NpyHeader, RefusesWhatIsNoHeader) {
  const auto fault = [](const std::string& text) {
    std::string message = message_of<InputError>([&] { header_of(text); });
    EXPECT_THAT(message, HasSubstr("x.npy: "));
    return message;
  };
  const std::string rest = "'fortran_order': False, 'shape': (3,)";
  for (const std::string& text :
       {std::string(), std::string("[1, 2]"), "{'descr': '<f4' " + rest + "}", "{'descr': '<f4', " + rest,
        "{'descr': '<f4',, " + rest + "}", "{'descr': '<f4', " + rest + "} x", "{'descr': '<f4, " + rest + "}",
        std::string(100, '('), std::string("{'descr': '<f4', 'fortran_order': False, 'shape': (3")})
    EXPECT_THAT(fault(text), HasSubstr("damaged")) << text;
  EXPECT_THAT(fault("{" + rest + "}"), HasSubstr("no 'descr'"));
  EXPECT_THAT(fault("{'descr': '<f4', 'more': 1, " + rest + "}"), HasSubstr("'more'"));
  for (const std::string order : {"false", "0", "None", "'False'"})
    EXPECT_THAT(fault("{'descr': '<f4', 'shape': (3,), 'fortran_order': " + order + "}"), HasSubstr("fortran_order"));
  for (const std::string shape : {"[3]", "3", "(3)", "(3.0,)", "('3',)", "(-3,)", "(None,)", "((3,),)"})
    EXPECT_THAT(fault("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}"), HasSubstr("shape")) << shape;
  EXPECT_THAT(fault("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999)}"),
              HasSubstr("impossible"));
  // Of no element, but each row would be of more than any number counts.
  EXPECT_THAT(fault("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999999, 99999999999)}"),
              HasSubstr("impossible"));
}

TEST(NpyHeader, TellsAnArrayByItsFirstBytes) {
  EXPECT_EQ(npy_header_size(npy_of("{}   ", ""), "x"), 15U);
  EXPECT_EQ(npy_header_size(npy_of("{}   ", "", 3), "x"), 17U);
  EXPECT_THAT(message_of<InputError>([] { npy_header_size("short", "x"); }), HasSubstr("no .npy"));
  EXPECT_THAT(message_of<InputError>([] { npy_header_size(npy_of("{}   ", "", 4), "x"); }), HasSubstr("format 4"));
}

}  // namespace
}  // namespace assay
