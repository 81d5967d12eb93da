#include "app/program.h"

int main(int argc, char** argv) { return assay::program(argc, argv, nullptr); }
