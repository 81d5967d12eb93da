# WebP_FOUND and the target PkgConfig::WEBP: libwebp with its reader of containers (libwebpdemux).
find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(WEBP QUIET IMPORTED_TARGET libwebp libwebpdemux)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(WebP REQUIRED_VARS WEBP_LINK_LIBRARIES VERSION_VAR WEBP_libwebp_VERSION)
